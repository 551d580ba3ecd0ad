/** Stage mode: a partition is a file, read in place and only if it is still what planning saw. */
import { stat } from 'node:fs/promises';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { digestFile } from '../files/digest';
import type { PinnedFile } from '../core/unit-plan';
import { HELD_ROWS, type PartitionRows } from '../rows/partition-rows';
import { allRows } from '../rows/slices';
import { streamQuery } from '../rows/stream-query';
import type { Row } from '../core/row';
import { readerSql } from '../duckdb/file-reader';

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
  rowCount: number,
): Promise<PartitionRows & { assertUnchanged(): Promise<void> }> {
  await checkPin(file);
  const before = await stat(file.path);
  return {
    ...(await fileTable(database, file.path, rowCount)),
    async assertUnchanged() {
      const after = await stat(file.path).catch(() => null);
      if (after === null || after.mtimeMs !== before.mtimeMs || after.size !== before.size)
        await checkPin(file);
    },
  };
}

/** The rows of a file, which are counted if `rowCount` is null. */
export async function fileTable(
  database: DuckDBInstance,
  path: string,
  rowCount: number | null,
): Promise<PartitionRows> {
  const all = `SELECT * FROM ${readerSql(path)}`;
  const count = rowCount ?? Number((await ask(database, `SELECT count(*) AS n FROM (${all})`))[0]!.n);
  const described = await ask(database, `DESCRIBE ${all}`);
  const loaded = new WeakSet<DuckDBConnection>();
  return {
    rowCount: count,
    columns: described.map((row) => ({ name: String(row.column_name), type: String(row.column_type) })),
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

async function ask(database: DuckDBInstance, sql: string): Promise<Row[]> {
  const connection = await database.connect();
  try {
    return await allRows(await connection.run(sql));
  } finally {
    connection.closeSync();
  }
}
