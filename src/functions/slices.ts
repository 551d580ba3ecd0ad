/** Rows as DuckDB hands them out (chunks of vectors), and as functions want them (objects, columns). */
import type { DuckDBDataChunk, DuckDBResult, DuckDBValue } from '@duckdb/node-api';
import type { Row } from './types';
import { valueReader, type ValueReader } from './values';

/** The columns of a result that a function sees. */
export interface Shape {
  names: string[];
  types: string[];
  readers: ValueReader[];
  /** Columns before these are Partwise's own. */
  offset: number;
}

/** Rows `from` (included) to `to` (not) of a chunk. */
export interface Slice {
  chunk: DuckDBDataChunk;
  from: number;
  to: number;
}

export function shapeOf(result: DuckDBResult, offset: number): Shape {
  const names = result.deduplicatedColumnNames().slice(offset);
  const types = result.columnTypes().slice(offset);
  return {
    names,
    types: types.map((type) => type.alias ?? String(type)),
    readers: types.map(valueReader),
    offset,
  };
}

export function sliceColumns(slice: Slice, shape: Shape): unknown[][] {
  return shape.readers.map((read, column) => {
    const vector = slice.chunk.getColumnVector(shape.offset + column);
    const values = Array.from<unknown>({ length: slice.to - slice.from });
    for (let row = slice.from; row < slice.to; row++) {
      const value: DuckDBValue = vector.getItem(row);
      values[row - slice.from] = value === null ? null : read(value);
    }
    return values;
  });
}

export function sliceRows(slice: Slice, shape: Shape): Row[] {
  const columns = sliceColumns(slice, shape);
  const rows = Array.from<Row>({ length: slice.to - slice.from });
  for (let i = 0; i < rows.length; i++) {
    const row: Row = {};
    for (let column = 0; column < columns.length; column++) row[shape.names[column]!] = columns[column]![i];
    rows[i] = row;
  }
  return rows;
}

/** Every row of a result as an object. */
export async function allRows(result: DuckDBResult): Promise<Row[]> {
  const shape = shapeOf(result, 0);
  const rows: Row[] = [];
  for (let chunk; (chunk = await result.fetchChunk()) !== null && chunk.rowCount > 0;) {
    for (const row of sliceRows({ chunk, from: 0, to: chunk.rowCount }, shape)) rows.push(row);
  }
  return rows;
}
