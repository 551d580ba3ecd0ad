/** Files as partitions: each is read in place, and only if it is still what planning saw. */
import { stat } from 'node:fs/promises';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { digestFile } from '../files/digest';
import type { PinnedFile } from '../core/unit-plan';
import { HELD_ROWS, type PartitionRows } from '../rows/partition-rows';
import { allRows } from '../rows/slices';
import { streamQuery } from '../rows/stream-query';
import { storingClause } from '../rows/storable';
import type { Column } from '../core/plan';
import { literal } from '../duckdb/quote';
import { columnsOfFiles, selectFiles } from '../duckdb/file-columns';

/** A source file is not the one that the run was planned with (I1). */
class SourceChanged extends Error {
  override name = 'SourceChanged';
  readonly nonRetryable = true;
  constructor(path: string, change: string) {
    super(
      `The file "${path}" has changed since the run was planned: ${change}. Restore the planned file, or start a new run.`,
    );
  }
}

/** Throws `SourceChanged` unless the file holds the bytes that planning saw. */
export async function checkPin(file: PinnedFile): Promise<void> {
  // enforces I1
  const found = await stat(file.path).catch(() => null);
  if (found === null) throw new SourceChanged(file.path, 'it is missing or unreadable');
  if (found.size !== file.bytes) {
    throw new SourceChanged(file.path, `it had ${file.bytes} bytes and now has ${found.size}`);
  }
  // Equal bytes with a different time are the same rows: copying or touching a file does not count as a
  // change.
  if ((await digestFile(file.path)).sha256 !== file.sha256)
    throw new SourceChanged(file.path, 'its content differs');
}

const TABLE = '__partwise_file';

/**
 * Checks the pin before the file is read; afterwards, `assertUnchanged` throws if the file changed meanwhile.
 */
export async function fileRows(
  database: DuckDBInstance,
  file: PinnedFile,
  planned: { rowCount: number; columns: readonly Column[] },
): Promise<PartitionRows & { assertUnchanged(): Promise<void> }> {
  const assertUnchanged = await pinned(file);
  return { ...(await fileTable(database, file.path, planned)), assertUnchanged };
}

/** Checks the pin; the returned function throws if the file has changed since. */
async function pinned(file: PinnedFile): Promise<() => Promise<void>> {
  await checkPin(file);
  const before = await stat(file.path);
  return async () => {
    const after = await stat(file.path).catch(() => null);
    if (after === null || after.mtimeMs !== before.mtimeMs || after.size !== before.size)
      await checkPin(file);
  };
}

/**
 * Writes the rows of a file in the format of a snapshot, for runners that cannot read it themselves.
 * `ordinal` is the partition's.
 */
export async function copyFileRows(
  database: DuckDBInstance,
  file: PinnedFile,
  { columns, ordinal }: { columns: readonly Column[]; ordinal: number },
  target: string,
): Promise<void> {
  const assertUnchanged = await pinned(file);
  await asking(database, async (connection) => {
    const select = await selectFiles(connection, [file.path], columns);
    await connection.run(
      `COPY (SELECT *${storingClause(columns)}, ${ordinal}::INTEGER AS __partwise_ord FROM (${select})) TO ${literal(target)} (FORMAT parquet)`,
    );
  });
  await assertUnchanged();
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
