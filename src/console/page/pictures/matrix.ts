/** Where cells are in a matrix: the first key column's values are rows, the second's are columns. Pure. */
import type { Matrix } from '../../wire/types';
import type { CellLayout } from './layout';

export interface MatrixLayout extends CellLayout {
  /** Edges of a cell, in device pixels. */
  cellWidth: number;
  cellHeight: number;
}

/** CSS pixels. */
const LEAST = 4;
const WIDEST = 48;
const TALLEST = 24;

/** Edges of a cell in CSS pixels: as large as fits, within limits. */
export function cellSize({ rows, columns }: Matrix, width: number, height: number): [number, number] {
  const fitting = (space: number, count: number, most: number): number =>
    Math.max(LEAST, Math.min(most, Math.floor(space / count)));
  return [fitting(width, columns.values.length, WIDEST), fitting(height, rows.values.length, TALLEST)];
}

/** The ordinals by place; -1 where no partition has the pair. */
export function ordinalsOf({ rows, columns, places }: Matrix): Int32Array {
  const ordinals = new Int32Array(rows.values.length * columns.values.length).fill(-1);
  places.forEach((place, ordinal) => (ordinals[place] = ordinal));
  return ordinals;
}

export function matrixLayout(
  { rows, columns, places }: Matrix,
  ordinals: Int32Array,
  cellWidth: number,
  cellHeight: number,
): MatrixLayout {
  const [wide, tall] = [columns.values.length, rows.values.length];
  const ordinalOf = (column: number, row: number): number | null => {
    if (column < 0 || column >= wide || row < 0 || row >= tall) return null;
    const ordinal = ordinals[row * wide + column]!;
    return ordinal === -1 ? null : ordinal;
  };
  return {
    perCell: 1,
    cellWidth,
    cellHeight,
    ordinalAt: (x, y) => ordinalOf(Math.floor(x / cellWidth), Math.floor(y / cellHeight)),
    boxOf(ordinal) {
      const place = places[ordinal]!;
      return {
        x: (place % wide) * cellWidth,
        y: Math.floor(place / wide) * cellHeight,
        width: cellWidth,
        height: cellHeight,
      };
    },
    moved(ordinal, right, down) {
      // Over missing pairs to the next one in this direction.
      let column = places[ordinal]! % wide;
      let row = Math.floor(places[ordinal]! / wide);
      for (;;) {
        column += right;
        row += down;
        if (column < 0 || column >= wide || row < 0 || row >= tall) return ordinal;
        const found = ordinalOf(column, row);
        if (found !== null) return found;
      }
    },
  };
}

/** Every how many values there is room for a label of `size` pixels, at `cell` pixels each. */
export function labelStep(cell: number, size: number): number {
  return Math.max(1, Math.ceil(size / cell));
}
