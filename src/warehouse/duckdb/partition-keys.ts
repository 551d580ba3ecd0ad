/**
 * The partitions of a source: numbers the distinct keys in key order, in the temporary tables
 * `partition_keys` and `partition_index`.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { didYouMean } from '../../core/nearest';
import type { Column } from '../../core/plan';
import { quote } from '../../core/quote';
import { Refusal } from '../../core/refusal';
import type { PartitionSizes, PartitionsRequest } from '../warehouse';
import { queryRows } from '../../duckdb/database-file';
import { identifier, literal } from '../../duckdb/quote';
import { readColumns } from '../../duckdb/read-columns';
import { runUntilAborted } from './interrupt';
import type { Parameters } from './parameters';
import { nameOf, type DescribedSource } from './source';

/** Returns the partitions that `pinRows` would make, without keeping any rows. */
export async function countPartitions(
  connection: DuckDBConnection,
  request: PartitionsRequest,
  { shape, select, parameters, refuseWrongColumns }: DescribedSource,
): Promise<PartitionSizes> {
  const { keyColumns } = shape;
  await listKeys(connection, request, keyColumns, { from: `(${select})`, parameters });
  await refuseWrongColumns();
  await refuseUnusable(connection, request, keyColumns);
  if (request.only !== null) await narrow(connection, request.only);
  await numberPartitions(connection, request, keyColumns);
  return { ...shape, ...(await listPartitions(connection)) };
}

/**
 * Creates the table `partition_keys`: each key once, with its id and rows; with `spans`, with the first and
 * the last position of its rows too.
 */
export async function listKeys(
  connection: DuckDBConnection,
  request: PartitionsRequest,
  keyColumns: readonly Column[],
  { from, parameters, spans = false }: { from: string; parameters?: Parameters; spans?: boolean },
): Promise<void> {
  const keys = quotedNames(keyColumns);
  const span = spans ? 'min(__partwise_row) AS first_row, max(__partwise_row) AS last_row, ' : '';
  await runUntilAborted(
    connection,
    request.signal,
    `CREATE TEMP TABLE partition_keys AS SELECT ${idSql(keyColumns)} AS id, count(*) AS rows, ${span}` +
      `${keys.map((key, i) => `${key} AS key_${i}`).join(', ')} FROM ${from} GROUP BY ${keys.join(', ')}`,
    parameters,
  );
  await refuseSpellings(connection, request, keyColumns, { from, parameters });
}

/** Types with values that are equal, but have different texts: 30 days and 1 month. */
const HAS_SPELLINGS = /\b(INTERVAL|COLLATE)\b/;

/**
 * Refuses a partition whose rows write its key in more than one way: which of them would be its id, and the
 * key of its results, is left to chance.
 */
async function refuseSpellings(
  connection: DuckDBConnection,
  request: PartitionsRequest,
  keyColumns: readonly Column[],
  { from, parameters }: { from: string; parameters?: Parameters },
): Promise<void> {
  const [table] = await queryRows<{ sql: string }>(
    connection,
    "SELECT sql FROM duckdb_tables() WHERE table_name = 'partition_keys' AND temporary",
  );
  // The names are ours, so the types can be told apart.
  const types = table!.sql.split(/, key_\d+ /).slice(1);
  const doubtful = keyColumns
    .map((column, i) => ({ ...column, full: types[i]! }))
    .filter(({ full }) => HAS_SPELLINGS.test(full));
  if (doubtful.length === 0) return;
  const names = quotedNames(keyColumns).join(', ');
  const problems: string[] = [];
  for (const { name, type, full } of doubtful) {
    const column = identifier(name);
    // As bytes, which have no collation.
    const [least, most] = ['min', 'max'].map((pick) => `${pick}(encode(CAST(${column} AS VARCHAR)))`);
    await runUntilAborted(
      connection,
      request.signal,
      `CREATE OR REPLACE TEMP TABLE spellings AS SELECT decode(${least}) AS a, decode(${most}) AS b FROM ${from} GROUP BY ${names} HAVING ${least} <> ${most} LIMIT 1`,
      parameters,
    );
    const [found] = await queryRows<{ a: string; b: string }>(connection, 'SELECT a, b FROM spellings');
    if (found === undefined) continue;
    const cast =
      type !== 'VARCHAR'
        ? `${column}::VARCHAR`
        : // Bytes have no collation, and text made of them has none either.
          /COLLATE NOCASE\b(?!\.)/.test(full)
          ? `lower(${column})`
          : `decode(encode(${column}))`;
    problems.push(
      `The column "${name}" has values that DuckDB takes for equal, but that are written differently: ${quote(found.a)} and ${quote(found.b)}. ` +
        `A partition has one key, so give them one spelling, or keep them apart, in a query: SELECT * REPLACE (${cast} AS ${column}) FROM ….`,
    );
  }
  if (problems.length > 0) throw new Refusal('InvalidInput', problems);
}

/** Creates the table `partition_index` from `partition_keys`. */
export async function numberPartitions(
  connection: DuckDBConnection,
  request: PartitionsRequest,
  keyColumns: readonly Column[],
): Promise<void> {
  const keyList = keyColumns.map((_, i) => `key_${i}`).join(', ');
  const order = keyColumns.map((_, i) => `key_${i} NULLS LAST`).join(', ');
  await runUntilAborted(
    connection,
    request.signal,
    `CREATE TEMP TABLE partition_index AS SELECT (row_number() OVER (ORDER BY ${order}, id) - 1)::INTEGER AS ord, id, rows, ${keyList} FROM partition_keys`,
  );
}

export async function listPartitions(
  connection: DuckDBConnection,
): Promise<{ rows: number[]; ids: string[] }> {
  const sql = 'SELECT rows::DOUBLE, id FROM partition_index ORDER BY ord';
  const [rows, ids] = (await readColumns(connection, sql)) as [number[], string[]];
  return { rows, ids };
}

export async function listFingerprints(connection: DuckDBConnection): Promise<string[]> {
  const [found] = await readColumns(connection, 'SELECT fingerprint FROM partition_index ORDER BY ord');
  return found as string[];
}

export function quotedNames(columns: readonly Column[]): string[] {
  return columns.map(({ name }) => identifier(name));
}

/** The partition id of a row, in SQL. It must match `encodePartitionId` exactly (I6). */
export function idSql(keyColumns: readonly Column[]): string {
  return keyColumns
    .map(({ name }) => {
      const text = `CAST(${identifier(name)} AS VARCHAR)`;
      // encodeURIComponent does not escape five characters that url_encode does.
      const encoded = ['!', "'", '(', ')', '*'].reduce(
        (sql, char) =>
          `replace(${sql}, '%${char.charCodeAt(0).toString(16).toUpperCase()}', ${literal(char)})`,
        `url_encode(${text})`,
      );
      return `CASE WHEN ${text} IS NULL THEN '%-' WHEN ${text} = '' THEN '%_' ELSE ${encoded} END`;
    })
    .join(" || '/' || ");
}

/** Throws a `Refusal` if a run cannot use the table `partition_keys`. */
export async function refuseUnusable(
  connection: DuckDBConnection,
  request: PartitionsRequest,
  keyColumns: readonly Column[],
): Promise<void> {
  const filled = keyColumns.map((_, i) => `count(key_${i})::DOUBLE AS filled_${i}`).join(', ');
  const [found] = await queryRows<Record<string, number>>(
    connection,
    `SELECT count(*)::DOUBLE AS partitions, ${filled} FROM partition_keys`,
  );
  const partitions = found!.partitions!;
  if (partitions === 0) {
    if (request.allowEmpty === true) return;
    const narrowed = request.where === null ? '' : ` that meet the condition "${request.where}"`;
    throw new Refusal('SourceEmpty', [
      `There are no rows in ${nameOf(request.source)}${narrowed}, so there is nothing to run. If that may be, say so with options.allowEmpty (--allow-empty).`,
    ]);
  }
  const allNull = keyColumns.filter((_, i) => found![`filled_${i}`] === 0);
  if (allNull.length > 0) {
    throw new Refusal(
      'InvalidInput',
      allNull.map(
        ({ name }) =>
          `The column "${name}" is NULL in every row of ${nameOf(request.source)}: partition by a column that has values.`,
      ),
    );
  }
  if (partitions > request.maxPartitions && request.only === null) {
    throw new Refusal('TooManyPartitions', [
      `Partitioning by ${keyColumns.map(({ name }) => name).join(', ')} makes ${partitions.toLocaleString('en')} partitions, ` +
        `more than maxPartitions (${request.maxPartitions.toLocaleString('en')}): most likely the wrong column. ` +
        `If it is the right one, raise options.maxPartitions (--max-partitions).`,
    ]);
  }
}

/** Removes all partitions except those with these ids from `partition_keys`. */
export async function narrow(connection: DuckDBConnection, only: readonly string[]): Promise<void> {
  const known = await queryRows<{ id: string }>(connection, 'SELECT id FROM partition_keys');
  const ids = known.map(({ id }) => id);
  const present = new Set(ids);
  const missing = only.filter((id) => !present.has(id));
  if (missing.length > 0) {
    throw new Refusal(
      'InvalidInput',
      missing.map((id) => `There is no partition "${id}" in the source.${didYouMean(id, ids)}`),
    );
  }
  await connection.run(`DELETE FROM partition_keys WHERE id NOT IN (${only.map(literal).join(', ')})`);
}
