/** The partitions of a unit, read from the run's snapshot. */
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Column } from '../run/plan';
import { HELD_ROWS, type PartitionRows } from './partition-rows';
import type { Shape, Slice } from './slices';
import { streamQuery } from './stream-query';
import { readParquet, UnitCursor } from './unit-cursor';

const OWN_COLUMNS = '(__partwise_ord, __partwise_row)';
/** The temporary table that holds the rows of several partitions for SQL. */
const WINDOW = '__partwise_rows';

export class SnapshotRows {
  private readonly cursor: UnitCursor;
  private readonly position: Map<number, number>;
  /** Which partitions the temporary table of each connection holds. */
  private readonly windows = new WeakMap<DuckDBConnection, Set<number>>();

  constructor(
    private readonly database: DuckDBInstance,
    private readonly snapshot: readonly string[],
    private readonly columns: Column[],
    private readonly ordinals: readonly number[],
    private readonly rowsOf: (ordinal: number) => number,
  ) {
    this.position = new Map(ordinals.map((ordinal, i) => [ordinal, i]));
    this.cursor = new UnitCursor(database, snapshot, Math.max(...ends(ordinals)), (ordinal) =>
      this.position.has(ordinal) ? rowsOf(ordinal) : undefined,
    );
  }

  partition(ordinal: number): PartitionRows {
    const rowCount = this.rowsOf(ordinal);
    const held = rowCount <= HELD_ROWS;
    let read: Promise<{ slices: Slice[]; shape: Shape }> | null = null;
    const all = `SELECT * EXCLUDE ${OWN_COLUMNS} FROM ${readParquet(this.snapshot)} WHERE __partwise_ord = ${ordinal}`;
    const { cursor, database } = this;
    return {
      rowCount,
      columns: this.columns,
      async *slices() {
        if (!held) return yield* streamQuery(database, all);
        read ??= cursor.read(ordinal);
        const { slices, shape } = await read;
        for (const slice of slices) yield { slice, shape };
      },
      view: async (connection) => {
        if (!held) return all;
        await this.loadWindow(connection, ordinal);
        return `SELECT * EXCLUDE ${OWN_COLUMNS} FROM ${WINDOW} WHERE __partwise_ord = ${ordinal}`;
      },
    };
  }

  close(): void {
    this.cursor.close();
  }

  /** Small partitions share one read of the snapshot: this one and those after it, as many as fit. */
  private async loadWindow(connection: DuckDBConnection, ordinal: number): Promise<void> {
    if (this.windows.get(connection)?.has(ordinal)) return;
    const window = new Set<number>();
    let rows = 0;
    for (let i = this.position.get(ordinal)!; i < this.ordinals.length; i++) {
      rows += this.rowsOf(this.ordinals[i]!);
      if (rows > HELD_ROWS && window.size > 0) break;
      window.add(this.ordinals[i]!);
    }
    const [first, last] = ends([...window]);
    const sparse = last - first + 1 > window.size ? ` AND __partwise_ord IN (${[...window].join(', ')})` : '';
    await connection.run(
      `CREATE OR REPLACE TEMP TABLE ${WINDOW} AS SELECT * FROM ${readParquet(this.snapshot)} ` +
        `WHERE __partwise_ord BETWEEN ${first} AND ${last}${sparse}`,
    );
    this.windows.set(connection, window);
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
