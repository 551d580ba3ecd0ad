/** Where the cells of partitions are: in key order, row by row. Pure. */
import type { CellLayout } from './layout';

/** A window of ordinals in a picture of this size, in device pixels. */
export interface Grid {
  from: number;
  to: number;
  width: number;
  height: number;
  /** Edge of a cell, in pixels; it has a gap of a pixel if it is 4 or more. */
  size: number;
  columns: number;
  /** Partitions per cell: 1, unless there are more partitions than cells of the least size. */
  perCell: number;
}

/** Smaller cells cannot be told apart, or show how they are filled. */
const LEAST = 4;
const LARGEST = 64;

export function gridOf(from: number, to: number, width: number, height: number): Grid {
  const count = Math.max(1, to - from);
  let size = Math.min(LARGEST, Math.floor(Math.sqrt((width * height) / count)));
  while (size > LEAST && Math.ceil(count / Math.floor(width / size)) * size > height) size--;
  size = Math.max(size, LEAST);
  const columns = Math.max(1, Math.floor(width / size));
  const rows = Math.max(1, Math.floor(height / size));
  return {
    from,
    to,
    width,
    height,
    size,
    columns,
    perCell: Math.max(1, Math.ceil(count / (columns * rows))),
  };
}

/** `total`: partitions of the run, of which the grid shows a part. */
export function gridLayout(grid: Grid, total: number): CellLayout {
  const { from, to, size, columns, perCell } = grid;
  return {
    perCell,
    ordinalAt(x, y) {
      const column = Math.floor(x / size);
      if (column < 0 || column >= columns || y < 0) return null;
      const ordinal = from + (Math.floor(y / size) * columns + column) * perCell;
      return ordinal < to ? ordinal : null;
    },
    boxOf(ordinal) {
      const cell = Math.floor((ordinal - from) / perCell);
      return { x: (cell % columns) * size, y: Math.floor(cell / columns) * size, width: size, height: size };
    },
    moved: (ordinal, right, down) =>
      Math.max(0, Math.min(total - 1, ordinal + (right + down * columns) * perCell)),
  };
}
