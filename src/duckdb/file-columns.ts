/**
 * The columns of files, with types that keep what the files say. DuckDB guesses types of CSV and JSON from
 * text, and some guesses change values: `1e5` and `100000` are one DOUBLE, 20 digits are more than it holds,
 * and `F` may be a sex rather than false. Such columns are read with another type.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { constants, gunzipSync } from 'node:zlib';
import type { DuckDBConnection } from '@duckdb/node-api';
import { type FileFormat, formatOf } from '../core/file-format';
import { didYouMean } from '../core/nearest';
import type { Column } from '../core/plan';
import { quote } from '../core/quote';
import { Refusal } from '../core/refusal';
import type { TypeGuesses } from '../core/type-guesses';
import { queryRows } from './database-file';
import { pathList, readerSql } from './file-reader';
import { identifier, literal } from './quote';

export interface FileColumns {
  columns: Column[];
  /** How the types were found; null if the files have types. */
  guesses: TypeGuesses | null;
}

export interface ColumnsRequest {
  /** Names of the key columns, in any case. */
  keys?: readonly string[];
  /** Types that the input gives (`source.types`). */
  types?: Readonly<Record<string, string>> | undefined;
}

/**
 * Finds the columns of files of one format. Throws a `Refusal` for files that cannot be read without changing
 * values.
 */
export async function columnsOfFiles(
  connection: DuckDBConnection,
  paths: readonly string[],
  { keys = [], types = {} }: ColumnsRequest = {},
): Promise<FileColumns> {
  const format = formatOf(paths[0]!);
  assertOneFormat(paths, format);
  const filled = paths.filter((path) => !isBlank(path, format));
  if (filled.length === 0) return { columns: [], guesses: null };
  const detected = await describe(connection, readerSql(filled));
  if (format === 'parquet') {
    refuseTypes(types);
    await refuseInexactParquet(connection, filled, detected);
    return { columns: detected, guesses: null };
  }
  if (format === 'csv') refuseUnsplit(filled, detected);
  const given = await givenTypes(connection, detected, types);
  // Records that are not objects are one column, which has no name in the file.
  if (format === 'json' && detected.length === 1 && detected[0]!.name === 'json' && given.size === 0)
    return { columns: detected, guesses: null };
  const isKey = (name: string): boolean => keys.some((key) => key.toLowerCase() === name.toLowerCase());
  const changed = await changesOf(connection, filled, detected, { format, given, isKey });
  const columns = detected.map(({ name, type }) => ({
    name,
    type: given.get(name) ?? changed.get(name)?.type ?? type,
  }));
  return {
    columns,
    guesses: {
      given: [...given.keys()],
      changed: detected.flatMap(({ name, type }) => {
        const change = changed.get(name);
        return change === undefined ? [] : [{ name, detected: type, reason: change.reason }];
      }),
    },
  };
}

/** The files that have content: one without a header has no columns either. */
export function filledFiles(paths: readonly string[]): string[] {
  return paths.filter((path) => !isBlank(path, formatOf(path)));
}

/**
 * The query that reads the columns from files, which need not have all of them: missing ones are NULL.
 *
 * @param columns as found by `columnsOfFiles` for these files, or for more
 */
export async function selectFiles(
  connection: DuckDBConnection,
  paths: readonly string[],
  columns: readonly Column[],
): Promise<string> {
  const filled = filledFiles(paths);
  const none = columns.map(({ name, type }) => `NULL::${type} AS ${identifier(name)}`);
  if (filled.length === 0) return `SELECT ${none.join(', ')} WHERE false`;
  const own = new Set((await describe(connection, readerSql(filled))).map(({ name }) => name));
  const present = columns.filter(({ name }) => own.has(name));
  const selected = columns.map(({ name, type }, i) =>
    own.has(name) ? `CAST(${identifier(name)} AS ${type}) AS ${identifier(name)}` : none[i],
  );
  return `SELECT ${selected.join(', ')} FROM ${readerSql(filled, { columns: present })}`;
}

async function describe(connection: DuckDBConnection, reader: string): Promise<Column[]> {
  const described = await queryRows<{ column_name: string; column_type: string }>(
    connection,
    `DESCRIBE SELECT * FROM ${reader}`,
  );
  return described.map(({ column_name: name, column_type: type }) => ({ name, type }));
}

function assertOneFormat(paths: readonly string[], format: FileFormat): void {
  const other = paths.find((path) => formatOf(path) !== format);
  if (other === undefined) return;
  throw new Refusal('InvalidInput', [
    `"${paths[0]}" and "${other}" have different formats: name the files of one format, such as "*.${format}".`,
  ]);
}

/** Largest file that may be blank. */
const MAX_BLANK_BYTES = 4_096;

/** DuckDB makes up a column for files of text without any. */
function isBlank(path: string, format: FileFormat): boolean {
  if (format === 'parquet') return false;
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined || size > MAX_BLANK_BYTES) return false;
  return size === 0 || firstText(path).trim() === '';
}

/** The beginning of a file's text. */
function firstText(path: string): string {
  const bytes = Buffer.alloc(MAX_BLANK_BYTES);
  const file = openSync(path, 'r');
  try {
    const first = bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0));
    // Not all of it is there, so there is no end to check.
    const text = /\.gz$/i.test(path) ? gunzipSync(first, { finishFlush: constants.Z_SYNC_FLUSH }) : first;
    return text.toString().replace(/^\uFEFF/, '');
  } finally {
    closeSync(file);
  }
}

/**
 * DuckDB reads a CSV file whose lines it cannot split into columns as one column. (A .txt file may hold lines
 * of text.)
 */
function refuseUnsplit(paths: readonly string[], detected: readonly Column[]): void {
  const unsplit = detected.filter(({ name }) => /[,;\t|]/.test(name));
  if (unsplit.length === 0) return;
  for (const path of paths) {
    if (/\.txt\b/i.test(path)) continue;
    const [header = '', ...lines] = firstText(path).split(/\r?\n/);
    if (!unsplit.some(({ name }) => name === header.trim())) continue;
    const delimiter = /[,;\t|]/.exec(header)![0];
    const fields = header.split(delimiter).length;
    const odd = lines.findIndex((line) => line.trim() !== '' && line.split(delimiter).length !== fields);
    const where =
      odd === -1
        ? 'a line has another number of fields than the first'
        : `line 1 has ${fields} fields, and line ${odd + 2} has ${lines[odd]!.split(delimiter).length}`;
    throw new Refusal('InvalidInput', [
      `The file "${path}" cannot be split into columns: ${where}. Correct it, or read it with a query that says how: ` +
        `query:SELECT * FROM read_csv('${path}', header = true, strict_mode = false, null_padding = true).`,
    ]);
  }
}

function refuseTypes(types: Readonly<Record<string, string>>): void {
  const names = Object.keys(types);
  if (names.length === 0) return;
  throw new Refusal('InvalidInput', [
    `"source.types" gives a type for ${names.map(quote).join(', ')}, but Parquet files have types of their own: cast the column in a query.`,
  ]);
}

/** The types that the input gives, by exact column name, as DuckDB spells them. */
async function givenTypes(
  connection: DuckDBConnection,
  detected: readonly Column[],
  types: Readonly<Record<string, string>>,
): Promise<Map<string, string>> {
  const given = new Map<string, string>();
  const problems: string[] = [];
  const names = detected.map(({ name }) => name);
  for (const [wanted, type] of Object.entries(types)) {
    const name =
      names.find((each) => each === wanted) ??
      names.find((each) => each.toLowerCase() === wanted.toLowerCase());
    const known = await knownType(connection, type);
    if (name === undefined)
      problems.push(
        `"source.types" names the column ${quote(wanted)}, which the files do not have.${didYouMean(wanted, names)}`,
      );
    else if (known === null)
      problems.push(
        `"source.types" gives ${quote(wanted)} the type ${quote(type)}, which is not a type of DuckDB: use one such as VARCHAR, BIGINT, DECIMAL(18,2) or DATE.`,
      );
    else given.set(name, known);
  }
  if (problems.length > 0) throw new Refusal('InvalidInput', problems);
  return given;
}

/** DuckDB's spelling of a type, or null. */
async function knownType(connection: DuckDBConnection, type: string): Promise<string | null> {
  // No statement can be written with these characters alone, apart from a query's own harmless words.
  if (!/^[\w ,()"[\]]+$/.test(type)) return null;
  const described = await describe(connection, `(SELECT CAST(NULL AS ${type}) AS value)`).catch(() => []);
  return described.length === 1 ? described[0]!.type : null;
}

/** A type that keeps a column's values, and why DuckDB's does not. */
interface Change {
  type: string;
  reason: string;
}

interface GuessedColumns {
  format: FileFormat;
  given: ReadonlyMap<string, string>;
  isKey: (name: string) => boolean;
}

/** Types whose text may not be what they print. */
const CHANGES_TEXT = /^(BOOLEAN|DOUBLE|TIME|TIMESTAMP.*)$/;
const NESTED_DOUBLE = /\bDOUBLE\b/;

/** Compares the text of the columns with what DuckDB makes of it. */
async function changesOf(
  connection: DuckDBConnection,
  paths: readonly string[],
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
  const measures = checked.flatMap(({ name, type }) => measuresOf(text(name), type));
  const found = await connection.runAndReadAll(
    `SELECT ${measures.join(', ')} FROM ${readerSql(paths, { columns })}`,
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
 * a second or letters; that are more than plain digits; and the most digits before and after the point.
 *
 * @param text SQL
 */
function measuresOf(text: string, type: string): string[] {
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
        `${count(losesDigits(text))} + ${words}`,
        count(`NOT regexp_full_match(${text}, '${PLAIN_NUMBER}')`),
        most(`length(ltrim(regexp_extract(${text}, '^[+-]?([0-9]*)', 1), '0'))`),
        most(`length(regexp_extract(${text}, '\\.([0-9]*)$', 1))`),
      ];
    }
    default:
      if (CHANGES_TEXT.test(type)) {
        // Microseconds are what DuckDB keeps.
        return [printsOther, count(`regexp_matches(${text}, '[.,][0-9]{6}0*[1-9]')`), ...none];
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
/** Significant digits that every DOUBLE prints exactly. */
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

/** SQL for the numbers in JSON text, as a list of texts. */
function numbersIn(text: string): string {
  const withoutStrings = `regexp_replace(${text}, '"(\\\\.|[^"\\\\])*"', '', 'g')`;
  return `regexp_extract_all(${withoutStrings}, '-?[0-9][0-9.eE+-]*')`;
}

const MAX_DECIMAL_DIGITS = 38;

function changeOf(
  [printsOther = 0, loses = 0, notPlain = 0, whole = 0, fraction = 0]: number[],
  { type, format, isKey }: { type: string; format: FileFormat; isKey: boolean },
): Change | null {
  if (isKey && printsOther > 0) return { type: 'VARCHAR', reason: 'keys would not read as in the file' };
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

/** Refuses what DuckDB would change without a word. */
async function refuseInexactParquet(
  connection: DuckDBConnection,
  paths: readonly string[],
  columns: readonly Column[],
): Promise<void> {
  const wide = await queryRows<{ name: string; file: string; precision: number }>(
    connection,
    `SELECT name, file_name AS file, precision::INTEGER AS precision FROM parquet_schema(${pathList(paths)}) WHERE precision > ${MAX_DECIMAL_DIGITS}`,
  );
  if (wide.length > 0) {
    throw new Refusal(
      'InvalidInput',
      wide.map(
        ({ name, file, precision }) =>
          `The column "${name}" of "${file}" is a DECIMAL with ${precision} digits, which DuckDB reads wrong: it has up to ${MAX_DECIMAL_DIGITS}. ` +
          'Write the file with fewer digits, or with the column as text.',
      ),
    );
  }
  if (paths.length > 1) await refuseWidened(connection, paths, columns);
}

/** Whole numbers in one file and fractions in another become DOUBLE, which does not have all of them. */
async function refuseWidened(
  connection: DuckDBConnection,
  paths: readonly string[],
  columns: readonly Column[],
): Promise<void> {
  for (const { name, type } of columns) {
    if (type !== 'DOUBLE' && type !== 'FLOAT') continue;
    const other = await queryRows<{ file: string }>(
      connection,
      `SELECT DISTINCT file_name AS file FROM parquet_schema(${pathList(paths)})
        WHERE name = ${literal(name)} AND duckdb_type IS NOT NULL AND duckdb_type NOT IN ('DOUBLE', 'FLOAT')`,
    );
    if (other.length === 0) continue;
    const files = other.map(({ file }) => file);
    const column = identifier(name);
    const own = (await describe(connection, readerSql(files))).find((each) => each.name === name)!;
    const [lost] = await queryRows<{ value: string }>(
      connection,
      `SELECT ${column}::VARCHAR AS value FROM ${readerSql(files)}
        WHERE TRY_CAST(${column}::${type} AS ${own.type}) IS DISTINCT FROM ${column} LIMIT 1`,
    );
    if (lost === undefined) continue;
    throw new Refusal('InvalidInput', [
      `The column "${name}" is ${type} in some files and ${own.type} in others, such as "${files[0]}", and ${type} does not hold ${lost.value}. ` +
        'Write the files with one type, or cast the column in a query.',
    ]);
  }
}
