/**
 * Some rows of a partition, selected by their positions in it: the rows that are held out, or the remaining
 * ones.
 */
import { BIGINT, type DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import type { Column } from '../core/plan';
import type { HeldRows, PartitionRows } from '../rows/partition-rows';
import { identifier } from '../duckdb/quote';
import type { Shape, Slice } from '../rows/slices';

const POSITIONS = '__partwise_positions';
/** Rows of a DuckDB vector. */
const CHUNK = 2_048;

export class SomeRows implements PartitionRows {
  readonly columns: Column[];
  #held: Promise<HeldRows> | null = null;

  /** `positions` are ascending and start at 0. */
  constructor(
    private readonly all: PartitionRows,
    private readonly positions: readonly number[],
  ) {
    this.columns = all.columns;
  }

  get rowCount(): number {
    return this.positions.length;
  }

  held(): Promise<HeldRows> | null {
    const held = this.all.held();
    if (held === null) return null;
    return (this.#held ??= held.then(({ slices, shape }) => {
      const cut = this.#cutter();
      return { slices: slices.flatMap((slice) => cut(slice)), shape };
    }));
  }

  async *slices(): AsyncGenerator<{ slice: Slice; shape: Shape }> {
    const cut = this.#cutter();
    for await (const { slice, shape } of this.all.slices())
      for (const part of cut(slice)) yield { slice: part, shape };
  }

  /** The connection must not have another `data`. */
  async view(connection: DuckDBConnection): Promise<string> {
    const select = await this.all.view(connection);
    await connection.run(`CREATE OR REPLACE TEMP TABLE ${POSITIONS} (position BIGINT)`);
    const appender = await connection.createAppender(POSITIONS, 'main', 'temp');
    for (let from = 0; from < this.positions.length; from += CHUNK) {
      const chunk = DuckDBDataChunk.create([BIGINT]);
      chunk.setColumns([this.positions.slice(from, from + CHUNK).map(BigInt)]);
      appender.appendDataChunk(chunk);
    }
    appender.closeSync();
    const names = this.columns.map(({ name }) => identifier(name)).join(', ');
    return (
      `SELECT ${names} FROM (SELECT *, row_number() OVER () - 1 AS __partwise_position FROM (${select})) ` +
      `WHERE __partwise_position IN (SELECT position FROM ${POSITIONS}) ORDER BY __partwise_position`
    );
  }

  /**
   * A function that takes the slices of all rows in order and returns the parts of each that are selected.
   */
  #cutter(): (slice: Slice) => Slice[] {
    const { positions } = this;
    let offset = 0;
    let next = 0;
    return ({ chunk, from, to }) => {
      const end = offset + to - from;
      const parts: Slice[] = [];
      while (next < positions.length && positions[next]! < end) {
        const first = positions[next]!;
        let last = first;
        while (positions[next + 1] === last + 1 && last + 1 < end) last = positions[++next]!;
        next++;
        parts.push({ chunk, from: from + first - offset, to: from + last - offset + 1 });
      }
      offset = end;
      return parts;
    };
  }
}
