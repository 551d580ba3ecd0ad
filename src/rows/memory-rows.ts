/**
 * Rows that tests of partition functions pass as objects, loaded into DuckDB so that they read like a
 * snapshot's.
 */
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { appendColumns, declaredAs, writtenAs } from './output-file';
import type { CellType } from './cells';
import { type PartitionRows } from './partition-rows';
import { identifier } from '../duckdb/quote';
import type { OutputRows } from './rows';
import { shapeOf } from './slices';

const TABLE = '__partwise_memory';

/** Takes what `toOutputRows` returns, with no key. */
export async function memoryRows(
  database: DuckDBInstance,
  { columns, rows }: OutputRows,
): Promise<PartitionRows> {
  // A column without any value needs some type.
  const typed = [...columns].map(([name, type]): [string, CellType] => [name, type ?? 'VARCHAR']);
  const selected = typed.map(([name, type], i) => `${writtenAs(`c${i}`, type)} AS ${identifier(name)}`);
  const select = `SELECT ${typed.length === 0 ? 'NULL AS nothing' : selected.join(', ')} FROM ${TABLE} ORDER BY row`;
  const filled = new WeakSet<DuckDBConnection>();
  const fill = async (connection: DuckDBConnection): Promise<void> => {
    if (filled.has(connection)) return;
    const declared = typed.map(([, type], i) => `, c${i} ${declaredAs(type)}`).join('');
    await connection.run(`CREATE OR REPLACE TEMP TABLE ${TABLE} (ord INTEGER, row BIGINT${declared})`);
    const positions = rows.map((_, i) => i);
    await appendColumns(
      connection,
      TABLE,
      { ordinals: rows.map(() => 0), positions },
      typed.map(([, type], i) => ({ type, values: rows.map((cells) => cells[i] ?? null) })),
    );
    filled.add(connection);
  };
  const reader = await database.connect();
  return {
    rowCount: rows.length,
    columns: typed.map(([name, type]) => ({ name, type })),
    held: () => null,
    async *slices() {
      await fill(reader);
      const result = await reader.run(select);
      const shape = shapeOf(result, 0);
      for (const chunk of await result.fetchAllChunks())
        yield { slice: { chunk, from: 0, to: chunk.rowCount }, shape };
    },
    async view(connection) {
      await fill(connection);
      return select;
    },
  };
}
