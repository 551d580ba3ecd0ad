/** Where the cells of partitions are in a picture, in device pixels: in key order, or as a matrix. Pure. */

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface CellLayout {
  /** Partitions per cell. */
  perCell: number;
  /** Ordinal of the first partition of the cell at this point; null if there is none. */
  ordinalAt(x: number, y: number): number | null;
  boxOf(ordinal: number): Box;
  /** The partition that many cells to the right and down; the nearest one if there is none. */
  moved(ordinal: number, right: number, down: number): number;
}

/**
 * Corners of the outline of all cells in reading order from one to another, like that of selected text in
 * lines from `left` to `right`.
 */
export function outlineOf(first: Box, last: Box, left: number, right: number): [number, number][] {
  const [top, bottom] = [first.y + first.height, last.y + last.height];
  const end = last.x + last.width;
  if (first.y === last.y)
    return [
      [first.x, first.y],
      [end, first.y],
      [end, bottom],
      [first.x, bottom],
    ];
  return [
    [first.x, first.y],
    [right, first.y],
    [right, last.y],
    [end, last.y],
    [end, bottom],
    [left, bottom],
    [left, top],
    [first.x, top],
  ];
}
