/**
 * Reads a unit's rows once, in order, and splits them where the ordinal changes: with many small partitions,
 * a query for each would cost more than the functions themselves.
 *
 * Rows are in file order: by ordinal, then as in the source. That order and the number of rows per partition
 * are checked.
 */
import {
  type DuckDBConnection,
  type DuckDBDataChunk,
  type DuckDBInstance,
  type DuckDBResult,
  INTEGER,
} from '@duckdb/node-api';
import { firstAtLeast } from '../core/first-at-least';
import { identifier, literal } from '../duckdb/quote';
import { type Shape, shapeOf, type Slice } from '../rows/slices';
import { vectorReader } from '../duckdb/vector-readers';

const ORDINALS = vectorReader(INTEGER);
/** Skipping more rows than this costs more than a new query. */
const MAX_SKIPPED_ROWS = 50_000;

/** The snapshot does not match its index: a file was damaged or replaced. */
export class SnapshotDamaged extends Error {
  override name = 'SnapshotDamaged';
}

/**
 * The engine could not read a file of the snapshot: the file or its disk is gone, or the file was damaged
 * during the run.
 */
export class SnapshotUnreadable extends Error {
  override name = 'SnapshotUnreadable';
}

/**
 * Wraps work that reads only the snapshot, so any error is the file's fault, except for out of memory and
 * interrupts.
 */
export async function readingSnapshot<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof SnapshotDamaged || /^(Out of Memory|INTERRUPT)/i.test(message)) throw error;
    throw new SnapshotUnreadable(`The snapshot cannot be read. ${message}`);
  }
}

export class UnitCursor {
  private connection: DuckDBConnection | null = null;
  private result: DuckDBResult | null = null;
  private shape: Shape | null = null;
  private chunk: DuckDBDataChunk | null = null;
  /** The ordinals of the chunk's rows. */
  private ordinals: number[] = [];
  private position = 0;
  /** The next ordinal that the stream can still return. */
  private next = -1;

  /**
   * `rows` is the FROM clause of the snapshot. `rowsOf` returns the number of rows of an ordinal, or
   * undefined if it is not in the unit. `repeating` are columns of text that neighbouring rows often share,
   * such as the key: DuckDB compares them faster than their text is decoded.
   */
  constructor(
    private readonly database: DuckDBInstance,
    private readonly rows: string,
    private readonly last: number,
    private readonly rowsOf: (ordinal: number) => number | undefined,
    private readonly repeating: readonly string[],
  ) {}

  /** Returns all rows of a partition; cheap when ordinals are read in ascending order. */
  async read(ordinal: number): Promise<{ slices: Slice[]; shape: Shape }> {
    if (!this.canReach(ordinal)) await this.open(ordinal);
    const slices: Slice[] = [];
    let count = 0;
    while (this.chunk !== null) {
      const from = firstAtLeast(this.ordinals, ordinal, this.position);
      const to = firstAtLeast(this.ordinals, ordinal + 1, from);
      if (to > from) slices.push({ chunk: this.chunk, from, to });
      count += to - from;
      this.position = to;
      if (to < this.ordinals.length) break;
      await this.fetch();
    }
    this.next = ordinal + 1;
    const expected = this.rowsOf(ordinal);
    if (expected !== undefined && count !== expected) {
      // enforces I1
      throw new SnapshotDamaged(
        `The snapshot has ${count} rows for partition number ${ordinal}, but its index says ${expected}: one of the files was changed. Start a new run.`,
      );
    }
    return { slices, shape: this.shape! };
  }

  close(): void {
    this.connection?.closeSync();
    this.connection = null;
    this.result = null;
    this.chunk = null;
    this.ordinals = [];
  }

  private canReach(ordinal: number): boolean {
    if (this.result === null || ordinal < this.next) return false;
    if (ordinal <= (this.ordinals.at(-1) ?? -1)) return true;
    let skipped = 0;
    for (let between = this.next; between < ordinal && skipped <= MAX_SKIPPED_ROWS; between++) {
      // Between the ordinals of a retry unit are others that it does not include, with unknown numbers of
      // rows.
      skipped += this.rowsOf(between) ?? MAX_SKIPPED_ROWS / 100;
    }
    return skipped <= MAX_SKIPPED_ROWS;
  }

  private async open(ordinal: number): Promise<void> {
    this.close();
    this.connection = await this.database.connect();
    const repeats = this.repeating
      .map(identifier)
      .map((name, i) => `${name} IS NOT DISTINCT FROM lag(${name}) OVER () AS __partwise_repeats_${i}, `);
    this.result = await this.connection.stream(
      `SELECT __partwise_ord, ${repeats.join('')}* EXCLUDE (__partwise_ord) FROM ${this.rows} ` +
        `WHERE __partwise_ord BETWEEN ${ordinal} AND ${this.last}`,
    );
    const shape = shapeOf(this.result, 1 + repeats.length);
    const places = this.repeating.map((name, i) => [shape.names.indexOf(name), 1 + i] as const);
    this.shape = { ...shape, repeats: new Map(places) };
    await this.fetch();
  }

  private async fetch(): Promise<void> {
    const before = this.ordinals.at(-1) ?? -1;
    const chunk = await this.result!.fetchChunk();
    this.chunk = chunk !== null && chunk.rowCount > 0 ? chunk : null;
    this.ordinals = this.chunk === null ? [] : ordinalsInChunk(this.chunk);
    this.position = 0;
    if (this.chunk !== null && this.ordinals[0]! < before) {
      throw new SnapshotDamaged('The snapshot is not sorted by partition. Start a new run.');
    }
  }
}

export function readParquet(files: readonly string[]): string {
  return `read_parquet([${files.map(literal).join(', ')}])`;
}

/** The ordinals of a chunk's rows, which are its first column. */
function ordinalsInChunk(chunk: DuckDBDataChunk): number[] {
  const ordinals: number[] = [];
  ORDINALS.read(chunk.getColumnVector(0), 0, chunk.rowCount, ordinals);
  return ordinals;
}
