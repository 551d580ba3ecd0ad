/**
 * The keys of a source, counted and numbered in Snowflake in key order. Their ids are made here, by the same
 * code for every warehouse (I6).
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { Refusal } from '../../core/refusal';
import type { TextRow } from '../../snowflake';
import { quoteName } from '../../snowflake/names';
import { queryRows } from '../../duckdb/database-file';
import { identifier } from '../../duckdb/quote';
import { readColumns } from '../../duckdb/read-columns';
import { idSql } from '../duckdb/partition-keys';
import { restoreSql, unloadSql } from './column-types';
import type { BoundSql } from './parameters';
import { type DescribedSource, type SourceColumn, whereSql } from './source';
import { loadTexts } from './text-rows';

/** The session's temporary table of keys. */
export const KEYS = 'PARTWISE_KEYS';

/** Selects each key once: K0, K1, … in their own types, the number of rows, and a number in key order. */
export function keysSql(
  { keys }: DescribedSource,
  data: BoundSql,
  where: BoundSql,
  more: readonly string[],
): BoundSql {
  const names = keys.map(nameInData);
  const order = names.map((name) => `${name} NULLS LAST`).join(', ');
  const selected = [
    ...names.map((name, i) => `${name} AS K${i}`),
    'COUNT(*) AS N',
    `ROW_NUMBER() OVER (ORDER BY ${order}) - 1 AS NUM`,
    ...more,
  ];
  return {
    sql: `SELECT ${selected.join(', ')} FROM ${data.sql}${whereSql(where)} GROUP BY ${names.join(', ')}`,
    binds: [...data.binds, ...where.binds],
  };
}

/** Selects the rows of `from`, which are those of `keysSql`, in transfer form. */
export function keysInForm(keys: readonly SourceColumn[], from: string, fingerprints = false): string {
  const texts = keys.map(({ type }, i) => unloadSql(type, `keys.K${i}`));
  return `SELECT keys.NUM, keys.N, ${fingerprints ? 'keys.F' : 'NULL'}, ${texts.join(', ')} FROM ${from} AS keys ORDER BY keys.NUM`;
}

/**
 * Creates the table `partition_keys` in DuckDB: each key once, with its id, rows, and its number in
 * Snowflake. `batches` have the number, rows, fingerprint, and the values in transfer form.
 */
export async function listKeys(
  connection: DuckDBConnection,
  { keys, shape }: Pick<DescribedSource, 'keys' | 'shape'>,
  batches: AsyncIterable<readonly TextRow[]>,
): Promise<void> {
  await loadTexts(connection, 'key_texts', keys.length + 3, batches);
  const restored = keys.map(({ name, type }, i) => `${restoreSql(type, `C${i + 3}`)} AS ${identifier(name)}`);
  const typed = keys.map(({ name }, i) => `${identifier(name)} AS key_${i}`);
  await connection.run(
    `CREATE TEMP TABLE partition_keys AS
       SELECT ${idSql(shape.keyColumns)} AS id, __partwise_rows AS rows, ${typed.join(', ')},
              __partwise_number AS number, __partwise_fingerprint AS fingerprint
         FROM (SELECT C0::INTEGER AS __partwise_number, C1::BIGINT AS __partwise_rows, C2 AS __partwise_fingerprint,
                      ${restored.join(', ')} FROM key_texts)`,
  );
  const [found] = await queryRows<{ id: string }>(
    connection,
    'SELECT id FROM partition_keys GROUP BY id HAVING count(*) > 1 LIMIT 1',
  );
  const duplicate = found?.id;
  // enforces I6
  if (duplicate !== undefined) {
    throw new Refusal('InvalidInput', [
      `Different values of the key have the same text, "${duplicate}": round or cast ${keys.map(({ name }) => `"${name}"`).join(', ')} in a query.`,
    ]);
  }
}

/** Creates the table `partition_index` in DuckDB from `partition_keys`. */
export async function numberPartitions(
  connection: DuckDBConnection,
  keys: readonly SourceColumn[],
  { fingerprints }: { fingerprints: boolean } = { fingerprints: false },
): Promise<void> {
  const columns = ['id', 'rows', ...keys.map((_, i) => `key_${i}`), ...(fingerprints ? ['fingerprint'] : [])];
  await connection.run(
    `CREATE TEMP TABLE partition_index AS SELECT (row_number() OVER (ORDER BY number) - 1)::INTEGER AS ord, ${columns.join(', ')} FROM partition_keys`,
  );
}

/** Returns Snowflake's numbers of the partitions, in order. */
export async function listNumbers(connection: DuckDBConnection): Promise<number[]> {
  const [numbers] = await readColumns(connection, 'SELECT number FROM partition_keys ORDER BY number');
  return numbers as number[];
}

/** A column of `data`. */
export function nameInData({ inSnowflake }: Pick<SourceColumn, 'inSnowflake'>): string {
  return `data.${quoteName(inSnowflake)}`;
}
