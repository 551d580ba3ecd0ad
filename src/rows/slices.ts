/** Converts rows from DuckDB's form (chunks of vectors) to that of functions (objects, columns). */
import { BOOLEAN, type DuckDBDataChunk, type DuckDBResult } from '@duckdb/node-api';
import { setOwn, type Row } from '../core/row';
import type { Column } from '../core/plan';
import type { Reading } from '../duckdb/values';
import { typeName } from '../duckdb/type-name';
import { vectorReader, type VectorReader } from '../duckdb/vector-readers';

/** The columns of a result that a function sees. */
export interface Shape {
  names: string[];
  types: string[];
  readers: VectorReader[];
  /** Number of Partwise's own columns, which come first. */
  offset: number;
  /** By column: which of Partwise's own columns is true where the value is that of the row before. */
  repeats?: ReadonlyMap<number, number>;
}

/** Rows `from` (inclusive) to `to` (exclusive) of a chunk. */
export interface Slice {
  chunk: DuckDBDataChunk;
  from: number;
  to: number;
}

export function shapeOf(result: DuckDBResult, offset: number, reading: Reading = 'usual'): Shape {
  const names = distinctNames(result.columnNames()).slice(offset);
  const types = result.columnTypes().slice(offset);
  return {
    names,
    types: types.map(typeName),
    readers: types.map((type) => vectorReader(type, reading)),
    offset,
  };
}

/** If columns share a name, the first keeps it and the others are numbered: `n`, `n:1`. */
function distinctNames(names: readonly string[]): string[] {
  const counts = new Map<string, number>();
  return names.map((name) => {
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    return count === 0 ? name : `${name}:${count}`;
  });
}

const REPEATS = vectorReader(BOOLEAN);

/** Appends the values of one column. */
export function readColumn({ chunk, from, to }: Slice, shape: Shape, column: number, into: unknown[]): void {
  const reader = shape.readers[column]!;
  const vector = chunk.getColumnVector(shape.offset + column);
  const repeats = shape.repeats?.get(column);
  if (repeats === undefined) return reader.read(vector, from, to, into);
  const isRepeated: unknown[] = [];
  REPEATS.read(chunk.getColumnVector(repeats), from, to, isRepeated);
  for (let row = from; row < to; row++) {
    if (row > from && isRepeated[row - from] === true) into.push(into.at(-1));
    else reader.read(vector, row, row + 1, into);
  }
}

/** Appends the rows as objects. */
export function addRows(slice: Slice, shape: Shape, rows: Row[]): void {
  const { names } = shape;
  const columns = names.map((_, column) => {
    const values: unknown[] = [];
    readColumn(slice, shape, column, values);
    return values;
  });
  for (let i = 0; i < slice.to - slice.from; i++) {
    const row: Row = {};
    for (let column = 0; column < columns.length; column++) setOwn(row, names[column]!, columns[column]![i]);
    rows.push(row);
  }
}

/** Every row of a result as an object. */
export async function allRows(result: DuckDBResult, reading: Reading = 'usual'): Promise<Row[]> {
  return rowsOf(result, shapeOf(result, 0, reading));
}

export function columnsOf({ names, types }: Shape): Column[] {
  return names.map((name, i) => ({ name, type: types[i]! }));
}

export async function rowsOf(result: DuckDBResult, shape: Shape): Promise<Row[]> {
  const rows: Row[] = [];
  for (let chunk; (chunk = await result.fetchChunk()) !== null && chunk.rowCount > 0;) {
    addRows({ chunk, from: 0, to: chunk.rowCount }, shape, rows);
  }
  return rows;
}
