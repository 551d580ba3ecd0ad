/** Reads the answers of many partitions from the result of a grouped statement. */
import type { DuckDBResult } from '@duckdb/node-api';
import type { Column } from '../../core/plan';
import { columnsOf, readColumn, type Shape, shapeOf, type Slice } from '../../rows/slices';
import type { GroupedStatement } from './grouped-statement';

/** The rows of partitions that are there, in their order. */
export interface ReadAnswers {
  shape: Shape;
  slices: Map<number, Slice[]>;
}

/** Null if the columns are not the `expected` ones. */
export async function readAnswers(
  result: DuckDBResult,
  { hasUndecided, limit }: GroupedStatement,
  expected: readonly Column[],
): Promise<ReadAnswers | null> {
  const all = shapeOf(result, 0);
  const { names, types, readers } = all;
  const ours = hasUndecided ? 2 : 1;
  const shape = {
    names: names.slice(0, -ours),
    types: types.slice(0, -ours),
    readers: readers.slice(0, -ours),
    offset: 0,
  };
  if (JSON.stringify(columnsOf(shape)) !== JSON.stringify(expected)) return null;
  const slices = new Map<number, Slice[]>();
  const counts = new Map<number, number>();
  const undecided = new Set<number>();
  const first = limit?.offset ?? 0;
  const end = first + (limit?.count ?? Infinity);
  for (let chunk; (chunk = await result.fetchChunk()) !== null && chunk.rowCount > 0;) {
    const whole = { chunk, from: 0, to: chunk.rowCount };
    const ordinals: unknown[] = [];
    readColumn(whole, all, names.length - 1, ordinals);
    const marks: unknown[] = [];
    if (hasUndecided) readColumn(whole, all, names.length - 2, marks);
    for (const [i, each] of ordinals.entries()) {
      const ordinal = each as number;
      const row = counts.get(ordinal) ?? 0;
      counts.set(ordinal, row + 1);
      if (row < first || row >= end) continue;
      if (marks[i] === true) undecided.add(ordinal);
      addRow(slices, ordinal, chunk, i);
    }
  }
  for (const ordinal of undecided) slices.delete(ordinal);
  return { shape, slices };
}

function addRow(slices: Map<number, Slice[]>, ordinal: number, chunk: Slice['chunk'], row: number): void {
  const own = slices.get(ordinal);
  const last = own?.at(-1);
  if (own === undefined) slices.set(ordinal, [{ chunk, from: row, to: row + 1 }]);
  else if (last!.chunk === chunk && last!.to === row) last!.to++;
  else own.push({ chunk, from: row, to: row + 1 });
}
