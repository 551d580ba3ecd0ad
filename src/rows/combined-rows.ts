/** The rows that all partitions returned, as one query: what a commit writes and what `results` reads. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { combineColumns, type FileColumns } from './combine';
import type { RowsFile } from '../core/files';
import type { Column } from '../core/plan';
import { Refusal } from '../core/refusal';
import { queryRows, quoteIdentifier, quoteText, withDatabase } from '../duckdb/database-file';

export interface CombinedRows {
  /** Key columns first, then the functions' columns in order of appearance. */
  columns: Column[];
  /** All rows with these columns, ordered by partition and, within one, as returned. */
  sql: string;
  rows: number;
}

/** Where a row belongs; every file has these two. */
const ORDINAL = '__partwise_ord';
const POSITION = '__partwise_row';
/** Which file a row is in, while files are read. */
const FILE = '__partwise_file';
/** Key of the files' metadata that lists all columns, those without any value included. */
const COLUMNS_KEY = 'partwise_columns';

/**
 * Plans the query over local Parquet files of returned rows. Throws a `Refusal` when their columns do not
 * meet. `only`: the rows of these ordinals alone.
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
  if (problems.length > 0) throw new Refusal('OutputMismatch', problems);
  // A run without any row still has its key columns, and their types are known.
  const typed = groups.length > 0 ? columns : [...keyColumns];
  const all = unionSql(typed, groups, allBut(exceptions(files)));
  const where = only === null ? '' : ` WHERE ${ORDINAL} IN (${only.length === 0 ? 'NULL' : only.join(', ')})`;
  const names = typed.map(({ name }) => quoteIdentifier(name)).join(', ');
  return {
    columns: typed,
    sql: `SELECT ${names} FROM (${all})${where} ORDER BY ${ORDINAL}, ${POSITION}`,
    rows: await countRows(connection, `SELECT count(*)::DOUBLE AS n FROM (${all})${where}`),
  };
}

/**
 * Joins the files of one unit's checkpoints into one of the same form. Returns false, and writes nothing,
 * when their columns do not meet: then the commit says so, with all of the run's files before it.
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

/** Rows of one file that are wanted: pairs of their ordinal there and the one that they get. */
export interface MovedRows {
  file: string;
  ordinals: readonly (readonly [number, number])[];
}

/** Like `mergeRows`, of some partitions' rows alone, which get other ordinals. */
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

/** False: the columns do not meet. */
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
  if (problems.length > 0) return false;
  // A column without any value stays without a type, so that another unit's values may give it one.
  const valued = new Set(groups.flatMap((group) => group.columns.map(({ name }) => name)));
  const typed = columns.filter(({ name }) => valued.has(name));
  const listed = JSON.stringify(columns.map(({ name }) => name).filter((name) => !keys.includes(name)));
  await connection.run(
    `COPY (SELECT * FROM (${unionSql(typed, groups, picked)}) ORDER BY ${ORDINAL}, ${POSITION}) TO ${quoteText(target)} ` +
      `(FORMAT parquet, KV_METADATA {${COLUMNS_KEY}: ${quoteText(listed)}})`,
  );
  return true;
}

/** Which rows of files are taken, in SQL. */
interface Picked {
  /** Their ordinal. */
  ordinal: string;
  /** What stands after FROM, of a list of files. */
  from: (files: string) => string;
}

/** `except`: pairs of file and ordinal, in SQL, whose rows are left out. */
function allBut(except: readonly string[]): Picked {
  const where = except.length === 0 ? '' : ` WHERE (${FILE}, ${ORDINAL}) NOT IN (${except.join(', ')})`;
  return { ordinal: ORDINAL, from: (files) => `${readSql(files)}${where}` };
}

/** Functions may return a column of any name, so the one with the file has a name of ours. */
function readSql(files: string): string {
  return `read_parquet(${files}, filename = '${FILE}')`;
}

/** Pairs of file and ordinal, in SQL, whose rows are left out. */
function exceptions(files: readonly RowsFile<string>[]): string[] {
  return files.flatMap(({ file, except }) => except.map((ordinal) => `(${quoteText(file)}, ${ordinal})`));
}

/** Files with the same columns in the same order. */
interface FileGroup extends FileColumns {
  files: string[];
}

/** Most files of a run are alike, so that a few descriptions and a short query serve hundreds of them. */
async function groupFiles(
  connection: DuckDBConnection,
  keys: readonly string[],
  files: readonly string[],
): Promise<FileGroup[]> {
  if (files.length === 0) return [];
  const found = await queryRows<{ files: string[]; listed: string | null }>(
    connection,
    `SELECT list(file_name ORDER BY file_name) AS files, listed FROM
       (SELECT file_name, string_agg(concat_ws('|', name, type, converted_type, logical_type, num_children, precision, scale), ',') AS shape
          FROM parquet_schema(${listOf(files)}) GROUP BY file_name)
       LEFT JOIN (SELECT file_name, decode(value) AS listed FROM parquet_kv_metadata(${listOf(files)})
          WHERE decode(key) = ${quoteText(COLUMNS_KEY)}) USING (file_name)
     GROUP BY shape, listed ORDER BY min(file_name)`,
  );
  const groups: FileGroup[] = [];
  for (const { files: alike, listed } of found) {
    const columns = await queryRows<{ column_name: string; column_type: string }>(
      connection,
      `DESCRIBE SELECT * EXCLUDE (${ORDINAL}, ${POSITION}) FROM read_parquet(${quoteText(alike[0]!)})`,
    );
    groups.push({
      files: alike,
      columns: columns.map(({ column_name: name, column_type: type }) => ({ name, type })),
      order: [...keys, ...(listed === null ? [] : (JSON.parse(listed) as string[]))],
    });
  }
  return groups;
}

function unionSql(columns: readonly Column[], groups: readonly FileGroup[], picked: Picked): string {
  const select = (has: ReadonlySet<string>): string =>
    columns
      .map(({ name, type }) => {
        const quoted = quoteIdentifier(name);
        return `CAST(${has.has(name) ? quoted : 'NULL'} AS ${type}) AS ${quoted}`;
      })
      .join(', ');
  if (groups.length === 0) {
    return `SELECT NULL::INTEGER AS ${ORDINAL}, NULL::BIGINT AS ${POSITION}, ${select(new Set())} WHERE false`;
  }
  return groups
    .map(({ files, columns: own }) => {
      const has = new Set(own.map(({ name }) => name));
      return `SELECT ${picked.ordinal} AS ${ORDINAL}, ${POSITION}, ${select(has)} FROM ${picked.from(listOf(files))}`;
    })
    .join(' UNION ALL ');
}

async function countRows(connection: DuckDBConnection, sql: string): Promise<number> {
  const [counted] = await queryRows<{ n: number }>(connection, sql);
  return counted!.n;
}

function listOf(files: readonly string[]): string {
  return `[${files.map(quoteText).join(', ')}]`;
}
