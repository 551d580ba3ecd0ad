/** A unit's partitions: ids, row counts and typed keys, from the run's index file. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../core/plan';
import { KEYS_TABLE } from '../rows/output-file';
import { literal } from '../duckdb/quote';
import { allRows } from '../rows/slices';
import { indexKeys, restoringClause } from '../rows/storable';
import type { Row } from '../core/row';

export interface IndexedPartition {
  ordinal: number;
  id: string;
  rows: number;
  key: Row;
}

/** Creates the table of keys on a connection. */
export async function loadKeys(
  connection: DuckDBConnection,
  index: string,
  keyColumns: readonly Column[],
  ordinals: readonly number[],
): Promise<void> {
  const [from, to] = [Math.min(...ordinals), Math.max(...ordinals)];
  // DuckDB takes longer to read a list of thousands than to find their rows.
  const picked = to - from + 1 === ordinals.length ? '' : ` AND ord IN (${ordinals.join(', ')})`;
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE ${KEYS_TABLE} AS SELECT *${restoringClause(indexKeys(keyColumns))} FROM read_parquet(${literal(index)}) ` +
      `WHERE ord BETWEEN ${from} AND ${to}${picked}`,
  );
}

export async function readUnitIndex(
  connection: DuckDBConnection,
  keyColumns: readonly Column[],
): Promise<Map<number, IndexedPartition>> {
  const rows = await allRows(await connection.run(`SELECT * FROM ${KEYS_TABLE} ORDER BY ord`));
  return new Map(
    rows.map((row) => {
      const key = Object.fromEntries(keyColumns.map(({ name }, i) => [name, row[`key_${i}`]]));
      const ordinal = row.ord as number;
      return [ordinal, { ordinal, id: row.id as string, rows: Number(row.rows), key }];
    }),
  );
}
