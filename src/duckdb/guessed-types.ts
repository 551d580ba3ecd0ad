/** Compares the types that DuckDB guesses for columns of text with the text. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { FileFormat } from '../core/file-format';
import type { Column } from '../core/plan';
import { readerSql } from './file-reader';
import type { TextFiles } from './file-texts';
import { identifier } from './quote';

/** A type that keeps a column's values, and why DuckDB's does not. */
export interface Change {
  type: string;
  reason: string;
}

export interface GuessedColumns {
  format: FileFormat;
  given: ReadonlyMap<string, string>;
  isKey: (name: string) => boolean;
}

/** Types whose text may not be what they print. */
const CHANGES_TEXT = /^(BOOLEAN|DOUBLE|DATE|TIME|TIMESTAMP.*)$/;
const NESTED_DOUBLE = /\bDOUBLE\b/;

/** Compares the text of the columns with what DuckDB makes of it. */
export async function changesOf(
  connection: DuckDBConnection,
  { files, dialect, texts }: TextFiles,
  detected: readonly Column[],
  { format, given, isKey }: GuessedColumns,
): Promise<Map<string, Change>> {
  const checked = detected.filter(
    ({ name, type }) =>
      !given.has(name) &&
      type !== 'VARCHAR' &&
      type !== 'JSON' &&
      (isKey(name) || CHANGES_TEXT.test(type) || NESTED_DOUBLE.test(type)),
  );
  if (checked.length === 0) return new Map();
  const names = new Set(checked.map(({ name }) => name));
  const raw = format === 'csv' ? 'VARCHAR' : 'JSON';
  const columns = detected.map(({ name, type }) => ({ name, type: names.has(name) ? raw : type }));
  const text = (name: string): string =>
    format === 'csv' ? identifier(name) : `(${identifier(name)} ->> '$')`;
  const measures = checked.flatMap(({ name, type }) => measuresOf(text(name), type, files.length === 1));
  const found = await connection.runAndReadAll(
    `SELECT ${measures.join(', ')} FROM ${texts ?? readerSql(files, { columns, dialect })}`,
  );
  const values = (found.getRows()[0] ?? []).map(Number);
  return new Map(
    checked.flatMap(({ name, type }, i): [string, Change][] => {
      const at = i * MEASURES;
      const change = changeOf(values.slice(at, at + MEASURES), { type, format, isKey: isKey(name) });
      return change === null ? [] : [[name, change]];
    }),
  );
}

const MEASURES = 5;

/**
 * For one column: the number of values that print differently from their text; that lose digits, fractions of
 * a second or letters; that are more than plain digits, or dates that can be read in two ways; and the most
 * digits before and after the point.
 *
 * @param text SQL
 */
function measuresOf(text: string, type: string, isOneFile: boolean): string[] {
  const count = (condition: string): string => `count(*) FILTER (${text} IS NOT NULL AND (${condition}))`;
  const most = (length: string): string => `coalesce(max(${length}), 0)`;
  const printsOther = count(`TRY_CAST(${text} AS ${type})::VARCHAR IS DISTINCT FROM ${text}`);
  const none = ['0', '0', '0'];
  switch (type) {
    case 'BOOLEAN':
      return [printsOther, count(`lower(${text}) NOT IN ('true', 'false')`), ...none];
    case 'DOUBLE': {
      // Words such as nan are numbers among numbers, but names among words.
      const words = `CASE WHEN count(*) FILTER (regexp_matches(${text}, '[0-9]')) = 0 THEN count(${text}) ELSE 0 END`;
      return [
        printsOther,
        `${count(losesDigits(text))} + ${count(isOverflow(text))} + ${words}`,
        count(`NOT regexp_full_match(${text}, '${PLAIN_NUMBER}')`),
        most(`length(ltrim(regexp_extract(${text}, '^[+-]?([0-9]*)', 1), '0'))`),
        most(`length(regexp_extract(${text}, '\\.([0-9]*)$', 1))`),
      ];
    }
    default:
      if (CHANGES_TEXT.test(type)) {
        // Microseconds are what DuckDB keeps.
        const finer = count(`regexp_matches(${text}, '[.,][0-9]{6}0*[1-9]')`);
        const unclear = type === 'TIME' ? '0' : unclearDates(text, isOneFile);
        return [printsOther, finer, unclear, '0', '0'];
      }
      if (!NESTED_DOUBLE.test(type)) return [printsOther, '0', ...none];
      return [
        printsOther,
        count(`len(list_filter(${numbersIn(text)}, x -> ${losesDigits('x')})) > 0`),
        ...none,
      ];
  }
}

const PLAIN_NUMBER = '[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)';
/** Programs write a DOUBLE with up to 17 significant digits, so more are not those of a DOUBLE. */
const DOUBLE_DIGITS = 17;

/**
 * SQL for whether a DOUBLE has other digits than the text of a number. Numbers with an exponent are
 * measurements, not digits to keep.
 */
function losesDigits(text: string): string {
  const digits = `ltrim(replace(CASE WHEN contains(${text}, '.') THEN rtrim(${text}, '0') ELSE ${text} END, '.', ''), '+-0')`;
  return (
    `regexp_full_match(${text}, '${PLAIN_NUMBER}') AND (length(${digits}) > ${DOUBLE_DIGITS} OR ` +
    `(NOT contains(${text}, '.') AND TRY_CAST(${text} AS HUGEINT) <> TRY_CAST(TRY_CAST(${text} AS DOUBLE) AS HUGEINT)))`
  );
}

/** SQL for whether a number is beyond what a DOUBLE holds, which makes it infinite. */
function isOverflow(text: string): string {
  return `regexp_matches(${text}, '[0-9]') AND isinf(TRY_CAST(${text} AS DOUBLE))`;
}

/**
 * SQL for how many values are dates of which only the reader knows whether the day or the month comes first
 * (`01/02/2026`), unless another value shows it: DuckDB takes the day, and decides for each file alone.
 */
function unclearDates(text: string, isOneFile: boolean): string {
  const part = (n: number): string =>
    `TRY_CAST(regexp_extract(${text}, '^([0-9]{1,2})[^0-9]([0-9]{1,2})[^0-9][0-9]{2}', ${n}) AS INTEGER)`;
  const has = (condition: string): string => `count(*) FILTER (${condition}) > 0`;
  const dayFirst = `${has(`${part(1)} > 12`)} AND NOT ${has(`${part(2)} > 12`)}`;
  const monthFirst = `${has(`${part(2)} > 12`)} AND NOT ${has(`${part(1)} > 12`)}`;
  const clear = isOneFile ? `(${dayFirst}) OR (${monthFirst})` : dayFirst;
  return `CASE WHEN ${clear} THEN 0 ELSE count(*) FILTER (${part(1)} IS NOT NULL AND ${part(1)} <> ${part(2)}) END`;
}

/** SQL for the numbers in JSON text, as a list of texts. */
function numbersIn(text: string): string {
  const withoutStrings = `regexp_replace(${text}, '"(\\\\.|[^"\\\\])*"', '', 'g')`;
  return `regexp_extract_all(${withoutStrings}, '-?[0-9][0-9.eE+-]*')`;
}

/** Digits of DuckDB's widest DECIMAL. */
export const MAX_DECIMAL_DIGITS = 38;

function changeOf(
  [printsOther = 0, loses = 0, notPlain = 0, whole = 0, fraction = 0]: number[],
  { type, format, isKey }: { type: string; format: FileFormat; isKey: boolean },
): Change | null {
  if (isKey && printsOther > 0) return { type: 'VARCHAR', reason: 'keys would not read as in the file' };
  if (type !== 'DOUBLE' && notPlain > 0)
    return { type: 'VARCHAR', reason: 'the day or the month may come first' };
  if (loses === 0) return null;
  if (type === 'BOOLEAN') return { type: 'VARCHAR', reason: 'it has values other than true and false' };
  if (type !== 'DOUBLE' && !NESTED_DOUBLE.test(type))
    return { type: 'VARCHAR', reason: 'digits after microseconds would be lost' };
  const reason = 'digits would be lost';
  if (type !== 'DOUBLE') return { type: 'JSON', reason };
  // DuckDB's JSON reader goes through DOUBLE for numbers with a point.
  const fits =
    notPlain === 0 && whole + fraction <= MAX_DECIMAL_DIGITS && (format === 'csv' || fraction === 0);
  if (fits) return { type: `DECIMAL(38,${fraction})`, reason };
  return { type: format === 'csv' ? 'VARCHAR' : 'JSON', reason };
}
