/** Files as partitions, where their rows are read one file at a time. */
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { LocalFile } from '../core/unit-plan';
import { HELD_ROWS, type PartitionRows } from '../rows/partition-rows';
import { allRows } from '../rows/slices';
import { streamQuery } from '../rows/stream-query';
import { storingClause } from '../rows/storable';
import type { Column } from '../core/plan';
import { literal } from '../duckdb/quote';
import { columnsOfFiles, selectFiles } from '../duckdb/file-columns';
import { checkPin, isStill } from './file-pins';

const TABLE = '__partwise_file';

/**
 * Writes the rows of a file in the format of a snapshot, for runners that cannot read it themselves.
 * `ordinal` is the partition's.
 */
export async function copyFileRows(
  database: DuckDBInstance,
  file: LocalFile,
  { columns, ordinal }: { columns: readonly Column[]; ordinal: number },
  target: string,
): Promise<void> {
  const before = await checkPin(file);
  await asking(database, async (connection) => {
    const select = await selectFiles(connection, [file.path], columns);
    await connection.run(
      `COPY (SELECT *${storingClause(columns)}, ${ordinal}::INTEGER AS __partwise_ord FROM (${select})) TO ${literal(target)} (FORMAT parquet)`,
    );
  });
  if (!isStill(file, before)) await checkPin(file);
}

/** The rows of a file: as planned, with the columns that all files have, or, with null, as it is. */
export async function fileTable(
  database: DuckDBInstance,
  path: string,
  planned: { rowCount: number; columns: readonly Column[] } | null,
): Promise<PartitionRows> {
  const { columns, all, count } = await asking(database, async (connection) => {
    const found = planned?.columns ?? (await columnsOfFiles(connection, [path])).columns;
    const select = await selectFiles(connection, [path], found);
    const counted = async (): Promise<number> => {
      const [row] = await allRows(await connection.run(`SELECT count(*) AS n FROM (${select})`));
      return Number(row!.n);
    };
    return { columns: [...found], all: select, count: planned?.rowCount ?? (await counted()) };
  });
  const loaded = new WeakSet<DuckDBConnection>();
  return {
    rowCount: count,
    columns,
    held: () => null,
    slices: () => streamQuery(database, all),
    async view(connection) {
      if (count > HELD_ROWS) return all;
      if (!loaded.has(connection)) await connection.run(`CREATE OR REPLACE TEMP TABLE ${TABLE} AS ${all}`);
      loaded.add(connection);
      return `SELECT * FROM ${TABLE}`;
    },
  };
}

async function asking<T>(
  database: DuckDBInstance,
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const connection = await database.connect();
  try {
    return await work(connection);
  } finally {
    connection.closeSync();
  }
}
