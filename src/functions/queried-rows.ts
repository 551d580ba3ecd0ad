/** Rows of a partition that are read only when the function asks for them: in a run without a snapshot. */
import { rm } from 'node:fs/promises';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Column } from '../core/plan';
import { HELD_ROWS, type HeldRows, type PartitionRows } from '../rows/partition-rows';
import type { Shape, Slice } from '../rows/slices';
import { SnapshotRows } from './snapshot-rows';
import type { IndexedPartition } from './unit-index';

export class QueriedRows implements PartitionRows {
  readonly rowCount: number;
  #read: Promise<{ file: string; unit: SnapshotRows; rows: PartitionRows }> | null = null;

  /**
   * `fetch` returns a local file in the snapshot's format with only the partition's rows. It is called at
   * most once.
   */
  constructor(
    private readonly database: DuckDBInstance,
    private readonly partition: IndexedPartition,
    readonly columns: Column[],
    private readonly fetch: () => Promise<string>,
  ) {
    this.rowCount = partition.rows;
  }

  held(): Promise<HeldRows> | null {
    if (this.rowCount > HELD_ROWS) return null;
    return this.#rows().then((rows) => rows.held()!);
  }

  async *slices(): AsyncGenerator<{ slice: Slice; shape: Shape }> {
    yield* (await this.#rows()).slices();
  }

  async view(connection: DuckDBConnection): Promise<string> {
    return (await this.#rows()).view(connection);
  }

  /** Removes the file. */
  async close(): Promise<void> {
    const read = await this.#read?.catch(() => null);
    if (read == null) return;
    read.unit.close();
    await rm(read.file, { force: true });
  }

  async #rows(): Promise<PartitionRows> {
    return (await (this.#read ??= this.#open())).rows;
  }

  async #open(): Promise<{ file: string; unit: SnapshotRows; rows: PartitionRows }> {
    const file = await this.fetch();
    const { partition, columns, database } = this;
    const unit = new SnapshotRows(database, [file], columns, [partition.ordinal], () => partition.rows);
    return { file, unit, rows: unit.partition(partition) };
  }
}
