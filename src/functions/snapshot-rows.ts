/** The partitions of a unit, read from the run's snapshot. */
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Column } from '../core/plan';
import { HELD_ROWS, type HeldRows, type PartitionRows } from '../rows/partition-rows';
import { amongOrdinals, type RowsAhead } from './ahead/rows-ahead';
import { restoringClause } from '../rows/storable';
import type { IndexedPartition } from './unit-index';
import type { Shape, Slice } from '../rows/slices';
import { streamQuery } from '../rows/stream-query';
import { readingSnapshot, readParquet, SnapshotUnreadable, UnitCursor } from './unit-cursor';

const OWN_COLUMNS = '(__partwise_ord)';
/** The temporary table with the rows of several partitions, for SQL. */
const WINDOW = '__partwise_rows';

export class SnapshotRows {
  private readonly cursor: UnitCursor;
  private readonly position: Map<number, number>;
  /** Ordinals of the partitions in each connection's temporary table. */
  private readonly windows = new WeakMap<DuckDBConnection, Set<number>>();
  private readonly all: string;

  constructor(
    private readonly database: DuckDBInstance,
    snapshot: readonly string[],
    private readonly columns: Column[],
    private readonly ordinals: readonly number[],
    private readonly rowsOf: (ordinal: number) => number,
    /** Called when a read fails, even if the function handles the error. */
    private readonly onUnreadable: (error: SnapshotUnreadable) => void = () => undefined,
    keyColumns: readonly Column[] = [],
  ) {
    this.position = new Map(ordinals.map((ordinal, i) => [ordinal, i]));
    this.all = `(SELECT *${restoringClause(columns)} FROM ${readParquet(snapshot)})`;
    this.cursor = new UnitCursor(
      database,
      this.all,
      Math.max(...ends(ordinals)),
      (ordinal) => (this.position.has(ordinal) ? rowsOf(ordinal) : undefined),
      keyColumns.filter(({ type }) => type === 'VARCHAR').map(({ name }) => name),
    );
  }

  partition({ ordinal, rows }: Pick<IndexedPartition, 'ordinal' | 'rows'>): PartitionRows {
    return new SnapshotPartition(this, ordinal, rows, this.columns);
  }

  read(ordinal: number): Promise<HeldRows> {
    return this.guarded(() => this.cursor.read(ordinal));
  }

  async *stream(ordinal: number): AsyncGenerator<{ slice: Slice; shape: Shape }> {
    const rows = streamQuery(this.database, this.selectSql(ordinal))[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await this.guarded(() => rows.next());
        if (done === true) return;
        yield value;
      }
    } finally {
      await rows.return?.();
    }
  }

  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await readingSnapshot(work);
    } catch (error) {
      if (error instanceof SnapshotUnreadable) this.onUnreadable(error);
      throw error;
    }
  }

  /** The query for the rows of a partition that is too large to be held in memory. */
  selectSql(ordinal: number): string {
    return `SELECT * EXCLUDE ${OWN_COLUMNS} FROM ${this.all} WHERE __partwise_ord = ${ordinal}`;
  }

  close(): void {
    this.cursor.close();
  }

  /** The rows of a partition and of those that follow it, or null if it is too large to be loaded. */
  async ahead(connection: DuckDBConnection, ordinal: number): Promise<RowsAhead | null> {
    if (this.rowsOf(ordinal) > HELD_ROWS) return null;
    await this.loadWindow(connection, ordinal);
    const loaded = this.windows.get(connection)!;
    const ordinals: number[] = [];
    for (let i = this.position.get(ordinal)!; loaded.has(this.ordinals[i]!); i++)
      ordinals.push(this.ordinals[i]!);
    return { table: WINDOW, ordinals };
  }

  /** Small partitions share one read of the snapshot: this one and as many of the following ones as fit. */
  async loadWindow(connection: DuckDBConnection, ordinal: number): Promise<string> {
    const select = `SELECT * EXCLUDE ${OWN_COLUMNS} FROM ${WINDOW} WHERE __partwise_ord = ${ordinal}`;
    if (this.windows.get(connection)?.has(ordinal)) return select;
    const window = new Set<number>();
    let rows = 0;
    for (let i = this.position.get(ordinal)!; i < this.ordinals.length; i++) {
      rows += this.rowsOf(this.ordinals[i]!);
      if (rows > HELD_ROWS && window.size > 0) break;
      window.add(this.ordinals[i]!);
    }
    const load = `CREATE OR REPLACE TEMP TABLE ${WINDOW} AS SELECT * FROM ${this.all} WHERE ${amongOrdinals([...window])}`;
    await this.guarded(() => connection.run(load));
    this.windows.set(connection, window);
    return select;
  }
}

class SnapshotPartition implements PartitionRows {
  #read: Promise<HeldRows> | null = null;

  constructor(
    private readonly unit: SnapshotRows,
    private readonly ordinal: number,
    readonly rowCount: number,
    readonly columns: Column[],
  ) {}

  held(): Promise<HeldRows> | null {
    if (this.rowCount > HELD_ROWS) return null;
    return (this.#read ??= this.unit.read(this.ordinal));
  }

  async *slices(): AsyncGenerator<{ slice: Slice; shape: Shape }> {
    const held = this.held();
    if (held === null) return yield* this.unit.stream(this.ordinal);
    const { slices, shape } = await held;
    for (const slice of slices) yield { slice, shape };
  }

  async view(connection: DuckDBConnection): Promise<string> {
    if (this.rowCount > HELD_ROWS) return this.unit.selectSql(this.ordinal);
    return this.unit.loadWindow(connection, this.ordinal);
  }
}

function ends(ordinals: readonly number[]): [number, number] {
  let first = Infinity;
  let last = -Infinity;
  for (const ordinal of ordinals) {
    first = Math.min(first, ordinal);
    last = Math.max(last, ordinal);
  }
  return [first, last];
}
