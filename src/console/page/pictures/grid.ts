/** Where the cells of partitions are: in key order, row by row. Pure. */

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

/** Ordinal of the first partition of the cell at this point; null if there is none. */
export function ordinalAt(grid: Grid, x: number, y: number): number | null {
  const column = Math.floor(x / grid.size);
  if (column < 0 || column >= grid.columns || y < 0) return null;
  const ordinal = grid.from + (Math.floor(y / grid.size) * grid.columns + column) * grid.perCell;
  return ordinal < grid.to ? ordinal : null;
}

/** Upper left corner of the partition's cell. */
export function pointOf(grid: Grid, ordinal: number): { x: number; y: number } {
  const cell = Math.floor((ordinal - grid.from) / grid.perCell);
  return { x: (cell % grid.columns) * grid.size, y: Math.floor(cell / grid.columns) * grid.size };
}

/** The window after zooming by `factor` around an ordinal, inside a run of `total` partitions. */
export function zoomed(
  [from, to]: readonly [number, number],
  around: number,
  factor: number,
  total: number,
): [number, number] {
  const length = Math.max(Math.min(total, 16), Math.min(total, Math.round((to - from) * factor)));
  const share = (around - from) / Math.max(1, to - from);
  const start = Math.max(0, Math.min(total - length, Math.round(around - share * length)));
  return [start, start + length];
}
