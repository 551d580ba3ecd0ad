/** The rows of all partitions as one query, which commits write and `results` reads. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { combineColumns, type FileColumns, isExactNumber, roundedByDouble } from './combine';
import type { RowsFile } from '../core/files';
import { COLUMNS_METADATA, restoredSql, storedTypes, storingClause, TYPES_METADATA } from './storable';
import type { Column } from '../core/plan';
import { Refusal } from '../core/refusal';
import { queryRows, withDatabase } from '../duckdb/database-file';
import { identifier, literal } from '../duckdb/quote';

export interface CombinedRows {
  /** Key columns first, then the functions' columns in order of appearance. */
  columns: Column[];
  /** All rows with these columns, ordered by partition and then as returned. */
  sql: string;
  /** The same in any order, with `ORDINAL` and `POSITION` before these columns. */
  placed: string;
  rows: number;
}

/** A row's partition and its position in it; every file has both columns. */
export const ORDINAL = '__partwise_ord';
export const POSITION = '__partwise_row';
/** The column with a row's file, while files are read. */
const FILE = '__partwise_file';

/**
 * Plans the query over local Parquet files of returned rows. Throws a `Refusal` if their columns are
 * incompatible. With `only`, selects just the rows of these ordinals.
 */
export async function combinedRows(
  connection: DuckDBConnection,
  keyColumns: readonly Column[],
  files: readonly RowsFile<string>[],
  only: readonly number[] | null = null,
): Promise<CombinedRows> {
  const keys = keyColumns.map(({ name }) => name);
  const groups = await groupFiles(
    connection,
    keys,
    files.map(({ file }) => file),
  );
  const { columns, problems } = combineColumns(groups);
  if (problems.length === 0) problems.push(...(await roundedNumbers(connection, columns, groups)));
  if (problems.length > 0) throw new Refusal('OutputMismatch', problems);
  // A run without any rows still has its key columns, whose types are known.
  const typed = groups.length > 0 ? columns : [...keyColumns];
  const all = unionSql(typed, groups, allBut(exceptions(files)));
  const where = only === null ? '' : ` WHERE ${ORDINAL} IN (${only.length === 0 ? 'NULL' : only.join(', ')})`;
  const names = typed.map(({ name }) => identifier(name)).join(', ');
  return {
    columns: typed,
    sql: `SELECT ${names} FROM (${all})${where} ORDER BY ${ORDINAL}, ${POSITION}`,
    placed: `SELECT ${ORDINAL}, ${POSITION}, ${names} FROM (${all})${where}`,
    rows: await countRows(connection, `SELECT count(*)::DOUBLE AS n FROM (${all})${where}`),
  };
}

/** The files that have rows of one partition. */
export async function filesOf(
  connection: DuckDBConnection,
  files: readonly RowsFile<string>[],
  ordinal: number,
): Promise<RowsFile<string>[]> {
  if (files.length === 0) return [];
  const found = await queryRows<{ file: string }>(
    connection,
    `SELECT DISTINCT ${FILE} AS file FROM ${readSql(listOf(files.map(({ file }) => file)))} WHERE ${ORDINAL} = ${ordinal}`,
  );
  const having = new Set(found.map(({ file }) => file));
  return files.filter(({ file, except }) => having.has(file) && !except.includes(ordinal));
}

/**
 * Merges the files of one unit's checkpoints into one of the same format. Returns false and writes nothing if
 * their columns are incompatible: the commit, which sees all of the run's files, reports that.
 */
export function mergeRows(
  keyColumns: readonly Column[],
  parts: readonly RowsFile<string>[],
  target: string,
): Promise<boolean> {
  return withDatabase(':memory:', 'read', (connection) =>
    writeMerged(connection, keyColumns, parts, allBut(exceptions(parts)), target),
  );
}

/** Selects rows of one file, with pairs of the partition's ordinal there and its new one. */
export interface MovedRows {
  file: string;
  ordinals: readonly (readonly [number, number])[];
}

/** Like `mergeRows`, but only for some partitions' rows, which get new ordinals. */
export function moveRows(
  keyColumns: readonly Column[],
  parts: readonly MovedRows[],
  target: string,
): Promise<boolean> {
  return withDatabase(':memory:', 'read', async (connection) => {
    await connection.run(
      `CREATE TABLE moves (${FILE} VARCHAR, __partwise_from INTEGER, __partwise_to INTEGER)`,
    );
    const appender = await connection.createAppender('moves');
    for (const { file, ordinals } of parts) {
      for (const [before, after] of ordinals) {
        appender.appendVarchar(file);
        appender.appendInteger(before);
        appender.appendInteger(after);
        appender.endRow();
      }
    }
    appender.closeSync();
    const picked: Picked = {
      ordinal: '__partwise_to',
      from: (files) => `${readSql(files)} JOIN moves USING (${FILE}) WHERE ${ORDINAL} = __partwise_from`,
    };
    return writeMerged(connection, keyColumns, parts, picked, target);
  });
}

/** Returns false if the columns are incompatible. */
async function writeMerged(
  connection: DuckDBConnection,
  keyColumns: readonly Column[],
  parts: readonly { file: string }[],
  picked: Picked,
  target: string,
): Promise<boolean> {
  const keys = keyColumns.map(({ name }) => name);
  const groups = await groupFiles(
    connection,
    keys,
    parts.map(({ file }) => file),
  );
  const { columns, problems } = combineColumns(groups);
  if (problems.length > 0 || (await roundedNumbers(connection, columns, groups)).length > 0) return false;
  // A column without any value stays untyped, so that another unit's values can determine its type.
  const valued = new Set(groups.flatMap((group) => group.columns.map(({ name }) => name)));
  const typed = columns.filter(({ name }) => valued.has(name));
  const listed = JSON.stringify(columns.map(({ name }) => name).filter((name) => !keys.includes(name)));
  await connection.run(
    `COPY (SELECT *${storingClause(typed)} FROM (${unionSql(typed, groups, picked)}) ORDER BY ${ORDINAL}, ${POSITION}) TO ${literal(target)} ` +
      `(FORMAT parquet, KV_METADATA {${COLUMNS_METADATA}: ${literal(listed)}, ${TYPES_METADATA}: ${literal(storedTypes(typed))}})`,
  );
  return true;
}

/** A selection of rows of files, in SQL. */
interface Picked {
  /** The expression for their ordinal. */
  ordinal: string;
  /** The FROM clause for a list of files. */
  from: (files: string) => string;
}

/** `except` are pairs of file and ordinal, in SQL, whose rows are left out. */
function allBut(except: readonly string[]): Picked {
  const where = except.length === 0 ? '' : ` WHERE (${FILE}, ${ORDINAL}) NOT IN (${except.join(', ')})`;
  return { ordinal: ORDINAL, from: (files) => `${readSql(files)}${where}` };
}

/** Functions may return a column of any name, so the file's column has a reserved name. */
function readSql(files: string): string {
  return `read_parquet(${files}, filename = '${FILE}')`;
}

/** Pairs of file and ordinal, in SQL, whose rows are left out. */
function exceptions(files: readonly RowsFile<string>[]): string[] {
  return files.flatMap(({ file, except }) => except.map((ordinal) => `(${literal(file)}, ${ordinal})`));
}

/** Files with the same columns in the same order. */
interface FileGroup extends FileColumns {
  files: string[];
}

/**
 * Most files of a run have the same columns, so a few descriptions and a short query cover hundreds of them.
 */
async function groupFiles(
  connection: DuckDBConnection,
  keys: readonly string[],
  files: readonly string[],
): Promise<FileGroup[]> {
  if (files.length === 0) return [];
  const metadata = (key: string, name: string): string =>
    `LEFT JOIN (SELECT file_name, decode(value) AS ${name} FROM parquet_kv_metadata(${listOf(files)})
          WHERE decode(key) = ${literal(key)}) USING (file_name)`;
  const found = await queryRows<{ files: string[]; listed: string | null; types: string | null }>(
    connection,
    `SELECT list(file_name ORDER BY file_name) AS files, listed, types FROM
       (SELECT file_name, string_agg(concat_ws('|', name, type, converted_type, logical_type, num_children, precision, scale), ',') AS shape
          FROM parquet_schema(${listOf(files)}) GROUP BY file_name)
       ${metadata(COLUMNS_METADATA, 'listed')} ${metadata(TYPES_METADATA, 'types')}
     GROUP BY shape, listed, types ORDER BY min(file_name)`,
  );
  const groups: FileGroup[] = [];
  for (const { files: alike, listed, types } of found) {
    const columns = await queryRows<{ column_name: string; column_type: string }>(
      connection,
      `DESCRIBE SELECT * EXCLUDE (${ORDINAL}, ${POSITION}) FROM read_parquet(${literal(alike[0]!)})`,
    );
    const own = new Map(Object.entries(JSON.parse(types ?? '{}') as Record<string, string>));
    groups.push({
      files: alike,
      columns: columns.map(({ column_name: name, column_type: type }) => ({
        name,
        type: own.get(name) ?? type,
      })),
      order: [...keys, ...(listed === null ? [] : (JSON.parse(listed) as string[]))],
    });
  }
  return groups;
}

/** Sentences about columns in which integers or DECIMALs would lose digits because others have fractions. */
async function roundedNumbers(
  connection: DuckDBConnection,
  columns: readonly Column[],
  groups: readonly FileGroup[],
): Promise<string[]> {
  const problems: string[] = [];
  for (const { name } of columns.filter(({ type }) => type === 'DOUBLE')) {
    for (const { files, columns: own } of groups) {
      const type = own.find((column) => column.name === name)?.type;
      if (type === undefined || !isExactNumber(type)) continue;
      const where = roundedByDouble(restoredSql(name, type), type);
      const [found] = await queryRows<{ value: string }>(
        connection,
        `SELECT ${identifier(name)}::VARCHAR AS value FROM ${readSql(listOf(files))} WHERE ${where} LIMIT 1`,
      );
      if (found === undefined) continue;
      problems.push(
        `The column "${name}" is ${type} in some partitions and DOUBLE in others, which would round ${found.value}: ` +
          `return one type for all, for example String(${name}).`,
      );
      break;
    }
  }
  return problems;
}

function unionSql(columns: readonly Column[], groups: readonly FileGroup[], picked: Picked): string {
  const select = (types: ReadonlyMap<string, string>): string =>
    columns
      .map(({ name, type }) => {
        const own = types.get(name);
        return `CAST(${own === undefined ? 'NULL' : restoredSql(name, own)} AS ${type}) AS ${identifier(name)}`;
      })
      .join(', ');
  if (groups.length === 0) {
    return `SELECT NULL::INTEGER AS ${ORDINAL}, NULL::BIGINT AS ${POSITION}, ${select(new Map())} WHERE false`;
  }
  return groups
    .map(({ files, columns: own }) => {
      const types = new Map(own.map(({ name, type }) => [name, type]));
      return `SELECT ${picked.ordinal} AS ${ORDINAL}, ${POSITION}, ${select(types)} FROM ${picked.from(listOf(files))}`;
    })
    .join(' UNION ALL ');
}

async function countRows(connection: DuckDBConnection, sql: string): Promise<number> {
  const [counted] = await queryRows<{ n: number }>(connection, sql);
  return counted!.n;
}

function listOf(files: readonly string[]): string {
  return `[${files.map(literal).join(', ')}]`;
}
