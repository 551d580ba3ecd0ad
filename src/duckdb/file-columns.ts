/**
 * The columns of files, with types that keep what the files say. DuckDB guesses types of CSV and JSON from
 * text, and some guesses change values: `1e5` and `100000` are one DOUBLE, 20 digits are more than it holds,
 * and `F` may be a sex rather than false. Such columns are read with another type.
 */
import { statSync } from 'node:fs';
import type { DuckDBConnection } from '@duckdb/node-api';
import { type FileFormat, formatOf } from '../core/file-format';
import { didYouMean } from '../core/nearest';
import type { Column } from '../core/plan';
import { quote } from '../core/quote';
import { Refusal } from '../core/refusal';
import type { TypeGuesses } from '../core/type-guesses';
import { queryRows } from './database-file';
import { commonDialect } from './csv-dialect';
import { describeColumns } from './describe-columns';
import { FIRST_BYTES, firstText, refuseDamaged } from './file-content';
import { pathList, type ReaderOptions, readerSql } from './file-reader';
import { changesOf } from './guessed-types';
import { loadTexts, type TextFiles } from './file-texts';
import { plainColumns } from './plain-columns';
import { refuseInexactParquet } from './parquet-columns';
import { identifier } from './quote';
import { canonicalType } from './type-name';
import { unfitColumns } from './unfit-columns';

export interface FileColumns extends TextFiles {
  /** Those that have content: DuckDB would make up a column for text without any. */
  files: string[];
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
  await refuseDamaged(connection, paths, format);
  const files = filledFiles(paths, format);
  const none = { guesses: null, dialect: null, texts: null };
  if (files.length === 0) return { files, columns: [], ...none };
  const dialect = await commonDialect(files);
  const plain = await plainColumns(connection, { files, dialect });
  const detected =
    plain.columns ??
    (await describeColumns(connection, readerSql(files, { dialect })).catch((error: unknown) => {
      throw likeNamedFields(error, files) ?? error;
    }));
  if (format === 'parquet') {
    refuseTypes(types);
    await refuseInexactParquet(connection, files, detected);
    return { files, columns: detected, ...none };
  }
  if (format === 'csv') refuseUnsplit(files, detected);
  else await refuseRenamed(connection, files, detected);
  const given = await givenTypes(connection, detected, types);
  // Records that are not objects are one column, which has no name in the file.
  if (format === 'json' && detected.length === 1 && detected[0]!.name === 'json' && given.size === 0)
    return { files, columns: detected, ...none };
  const isKey = (name: string): boolean => keys.some((key) => key.toLowerCase() === name.toLowerCase());
  const table = plain.texts ?? (await loadTexts(connection, { files, dialect }, detected));
  const texts = { files, dialect, texts: table };
  const isFitting = format !== 'csv' || (plain.columns !== null && given.size === 0);
  const unfit = isFitting ? new Set<string>() : await unfitGuesses(connection, texts, detected, given);
  const fitting = detected.map(({ name, type }) => ({ name, type: unfit.has(name) ? 'VARCHAR' : type }));
  const changed = await changesOf(connection, texts, fitting, { format, given, isKey });
  for (const name of unfit) changed.set(name, { type: 'VARCHAR', reason: 'not every file has such values' });
  const columns = detected.map(({ name, type }) => ({
    name,
    type: given.get(name) ?? changed.get(name)?.type ?? type,
  }));
  return {
    ...texts,
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

/**
 * Columns of CSV files whose guessed type does not hold the values of all files. Throws a `Refusal` if a
 * given type does not hold all values.
 */
async function unfitGuesses(
  connection: DuckDBConnection,
  texts: TextFiles,
  detected: readonly Column[],
  given: ReadonlyMap<string, string>,
): Promise<Set<string>> {
  const paths = texts.files;
  // A type that is guessed from one file holds everything in it.
  if (paths.length === 1 && given.size === 0) return new Set();
  const columns = detected.map(({ name, type }) => ({ name, type: given.get(name) ?? type }));
  const unfit = await unfitColumns(connection, texts, columns);
  const refused = unfit.filter((name) => given.has(name));
  if (refused.length === 0) return new Set(unfit);
  throw new Refusal(
    'InvalidInput',
    refused.map(
      (name) =>
        `"source.types" gives ${quote(name)} the type ${given.get(name)}, which does not hold every value of "${paths[0]}"${paths.length > 1 ? ' and the other files' : ''}: ` +
        'give it another, such as VARCHAR.',
    ),
  );
}

function filledFiles(paths: readonly string[], format: FileFormat): string[] {
  return format === 'parquet' ? [...paths] : paths.filter((path) => !isBlank(path));
}

/**
 * The query that reads the columns from files, which need not have all of them: missing ones are NULL.
 *
 * @param columns as found by `columnsOfFiles` for these files, or for more
 * @param options.pathColumn comes before the others
 */
export async function selectFiles(
  connection: DuckDBConnection,
  paths: readonly string[],
  columns: readonly Column[],
  options: SelectOptions = {},
): Promise<string> {
  const filled = filledFiles(paths, formatOf(paths[0]!));
  if (filled.length === 0) return selectSql(filled, columns, [], options);
  const dialect = options.dialect ?? (await commonDialect(filled));
  const found = await describeColumns(connection, readerSql(filled, { dialect }));
  // Files may spell the names of their columns in different cases.
  const own = new Set(found.map(({ name }) => name.toLowerCase()));
  const present = columns.filter(({ name }) => own.has(name.toLowerCase()));
  return selectSql(filled, columns, present, { ...options, dialect });
}

/** The same for files of which, together, none lacks a column; its query fails for others. */
export function selectWholeFiles(
  paths: readonly string[],
  columns: readonly Column[],
  options: SelectOptions = {},
): string {
  return selectSql(filledFiles(paths, formatOf(paths[0]!)), columns, columns, options);
}

type SelectOptions = Pick<ReaderOptions, 'dialect' | 'pathColumn'>;

function selectSql(
  filled: readonly string[],
  columns: readonly Column[],
  present: readonly Column[],
  options: SelectOptions,
): string {
  const { pathColumn } = options;
  const isPresent = (column: Column): boolean => filled.length > 0 && present.includes(column);
  const selected = columns.map((column) => {
    const name = identifier(column.name);
    return `${isPresent(column) ? `CAST(${name} AS ${column.type})` : `NULL::${column.type}`} AS ${name}`;
  });
  if (pathColumn !== undefined)
    selected.unshift(
      filled.length > 0 ? identifier(pathColumn) : `NULL::VARCHAR AS ${identifier(pathColumn)}`,
    );
  const from =
    filled.length > 0 ? `FROM ${readerSql(filled, { ...options, columns: present })}` : 'WHERE false';
  return `SELECT ${selected.join(', ')} ${from}`;
}

function assertOneFormat(paths: readonly string[], format: FileFormat): void {
  const other = paths.find((path) => formatOf(path) !== format);
  if (other === undefined) return;
  throw new Refusal('InvalidInput', [
    `"${paths[0]}" and "${other}" have different formats: name the files of one format, such as "*.${format}".`,
  ]);
}

/** Whether a file of text has nothing but white space. */
function isBlank(path: string): boolean {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined || size > FIRST_BYTES) return false;
  return size === 0 || firstText(path).trim() === '';
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
    const [header = '', ...lines] = firstText(path)
      .replace(/^\uFEFF/, '')
      .split(/\r?\n/);
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

/** A name that DuckDB makes up for a field whose name is empty, or the same as another but for its case. */
const MADE_UP = /^(?:(.*)_|C)\d+$/s;

/** DuckDB finds no values for fields of JSON that it has given other names. */
async function refuseRenamed(
  connection: DuckDBConnection,
  paths: readonly string[],
  detected: readonly Column[],
): Promise<void> {
  const names = new Set(detected.map(({ name }) => name.toLowerCase()));
  const doubtful = detected.filter(({ name }) => {
    const [isMadeUp, same] = MADE_UP.exec(name) ?? [];
    return isMadeUp !== undefined && (same === undefined || names.has(same.toLowerCase()));
  });
  if (doubtful.length === 0) return;
  const found = await queryRows<{ name: string }>(
    connection,
    `SELECT DISTINCT unnest(json_keys(json)) AS name FROM read_json_objects(${pathList(paths)})`,
  );
  const fields = new Set(found.map(({ name }) => name));
  const renamed = doubtful.find(({ name }) => !fields.has(name));
  if (renamed === undefined) return;
  const columns = new Set(detected.map(({ name }) => name));
  const field = [...fields].find((name) => !columns.has(name)) ?? '';
  throw new Refusal('InvalidInput', [
    `The field ${quote(field)} in "${paths[0]}"${paths.length > 1 ? ' or another of the files' : ''} cannot be a column: names of columns are not empty, and differ in more than upper and lower case. ` +
      `Rename it, or use a query, in which DuckDB calls it ${quote(renamed.name)}: query:SELECT * FROM read_json('${paths[0]}').`,
  ]);
}

/** The refusal of fields within objects of JSON that DuckDB takes for one, or null for other errors. */
function likeNamedFields(error: unknown, paths: readonly string[]): Refusal | null {
  const [, name] = /Duplicate name "(.*)" in struct auto-detected/s.exec((error as Error).message) ?? [];
  if (name === undefined) return null;
  return new Refusal('InvalidInput', [
    `The field ${quote(name)} of an object in "${paths[0]}"${paths.length > 1 ? ' or another of the files' : ''} differs from another only in upper and lower case, which DuckDB ignores in a STRUCT. ` +
      `Rename it, or use a query, in which every field is JSON: query:SELECT * FROM read_json('${paths[0]}', maximum_depth = 1).`,
  ]);
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
    const known = await canonicalType(connection, type);
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
