/**
 * Evaluates the input's condition for held-out rows in place of a runner whose language has no DuckDB: so the
 * condition means the same in every language, and needs no package of the user's environment.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { KeptDatabase, type DatabaseOptions } from '../duckdb/database';
import { literal } from '../duckdb/quote';
import { asSqlError } from '../duckdb/sql-error';
import { heldOutSql } from '../functions/held-out';
import { SnapshotRows } from '../functions/snapshot-rows';
import { SqlSession } from '../functions/sql-session';
import type { FromRunner, RunnerUnit } from './protocol';

type HeldOutRequest = Extract<FromRunner, { type: 'heldOut' }>;

/** The held-out rows of one unit's partitions. The database is opened with the first request. */
export class HeldOutRows {
  private readonly database = new KeptDatabase();
  private readonly options: DatabaseOptions;
  private readonly session: SqlSession;
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
    await this.session.close();
    this.database.close();
  }

  private async writeNow(
    { ordinal, rows, file }: HeldOutRequest,
    signal: AbortSignal,
  ): Promise<{ file: string }> {
    signal.throwIfAborted();
    const { snapshot, columns, scratch, model } = this.unit;
    const database = await this.database.open(this.options);
    const files = file === null ? snapshot : [file];
    const read = new SnapshotRows(database, files, columns, [ordinal], () => rows);
    const written = join(scratch, `held-out-${randomUUID()}.parquet`);
    const interrupt = (): void => void this.session.interrupt().catch(() => undefined);
    signal.addEventListener('abort', interrupt, { once: true });
    try {
      const partition = read.partition({ ordinal, rows });
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
      read.close();
      await this.session.endPartition();
    }
  }
}
