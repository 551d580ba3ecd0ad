/**
 * Evaluates the input's condition for held-out rows in place of a runner whose language has no DuckDB: so the
 * condition means the same in every language, and needs no package of the user's environment.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { DuckDBInstance } from '@duckdb/node-api';
import { KeptDatabase, type DatabaseOptions } from '../duckdb/database';
import { literal } from '../duckdb/quote';
import { asSqlError } from '../duckdb/sql-error';
import { heldOutSql } from '../functions/held-out';
import { SnapshotRows } from '../functions/snapshot-rows';
import { SqlSession } from '../functions/sql-session';
import { loadKeys, readUnitIndex } from '../functions/unit-index';
import type { FromRunner, RunnerUnit } from './protocol';

type HeldOutRequest = Extract<FromRunner, { type: 'heldOut' }>;

/** The held-out rows of one unit's partitions. The database is opened with the first request. */
export class HeldOutRows {
  private readonly database = new KeptDatabase();
  private readonly options: DatabaseOptions;
  private readonly session: SqlSession;
  /** Of the snapshot, once the first request has come. */
  private snapshotRows: SnapshotRows | null = null;
  /** One after the other: they share the view `data`. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly unit: RunnerUnit) {
    this.options = {
      memoryBytes: unit.duckdbMemoryBytes,
      tempFolder: join(unit.spill, `held-out-${randomUUID()}`),
      confinement: unit.confinement ?? null,
    };
    this.session = new SqlSession(this.options, this.database);
  }

  /** Writes the positions of the held-out rows to a Parquet file in the scratch folder. */
  write(request: HeldOutRequest, signal: AbortSignal): Promise<{ file: string }> {
    const work = this.last.then(() => this.writeNow(request, signal));
    this.last = work.catch(() => undefined);
    return work;
  }

  async close(): Promise<void> {
    await this.last;
    this.snapshotRows?.close();
    await this.session.close();
    this.database.close();
  }

  private async writeNow(request: HeldOutRequest, signal: AbortSignal): Promise<{ file: string }> {
    signal.throwIfAborted();
    const { scratch, model } = this.unit;
    const written = join(scratch, `held-out-${randomUUID()}.parquet`);
    const interrupt = (): void => void this.session.interrupt().catch(() => undefined);
    signal.addEventListener('abort', interrupt, { once: true });
    let read: SnapshotRows | null = null;
    try {
      read = await this.rowsOf(request);
      const partition = read.partition(request);
      await this.session.track(async () => {
        const connection = await this.session.connectTo(partition);
        const positions = heldOutSql(model!.holdout!);
        await connection.run(`COPY (${positions}) TO ${literal(written)} (FORMAT parquet)`);
      });
      return { file: written };
    } catch (error) {
      signal.throwIfAborted();
      throw asSqlError(error);
    } finally {
      signal.removeEventListener('abort', interrupt);
      if (read !== this.snapshotRows) read?.close();
      await this.session.endPartition();
    }
  }

  /** Small neighbours share one read of the snapshot. */
  private async rowsOf({ ordinal, rows, file }: HeldOutRequest): Promise<SnapshotRows> {
    const { snapshot, columns, ordinals, index } = this.unit;
    const database = await this.database.open(this.options);
    if (file !== null) return new SnapshotRows(database, [file], columns, [ordinal], () => rows);
    if (this.snapshotRows !== null) return this.snapshotRows;
    const sizes = await sizesOf(database, index, ordinals);
    const all = new SnapshotRows(database, snapshot, columns, ordinals, (each) => sizes.get(each) ?? 0);
    return (this.snapshotRows = all);
  }
}

/** The number of rows of each partition. */
async function sizesOf(
  database: DuckDBInstance,
  index: string,
  ordinals: readonly number[],
): Promise<Map<number, number>> {
  const connection = await database.connect();
  try {
    await loadKeys(connection, index, [], ordinals);
    return new Map([...(await readUnitIndex(connection, []))].map(([ordinal, { rows }]) => [ordinal, rows]));
  } finally {
    connection.closeSync();
  }
}
