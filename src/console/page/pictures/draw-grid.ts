/** Draws partitions as cells. Pure: bytes in, pixels out. */
import { PARTITION_STATUSES, isFailure } from '../../../core/status';
import { STATUS_BITS } from '../../wire/cells';
import type { Cells } from '../run-store';
import { mix, type Colouring } from './colours';
import type { Grid } from './grid';

export interface Drawing {
  cells: Cells;
  colouring: Colouring;
  /** By the value of the colouring's plane. */
  colours: Uint32Array;
  surface: number;
  /** Null: all in full colour. */
  isLit: ((ordinal: number) => boolean) | null;
}

/** Share of the colour that partitions keep which the filter leaves out. */
const DIMMED = 0.16;

/** 1 for numbers of statuses that are failures. */
const FAILURES = Uint8Array.from(PARTITION_STATUSES, (status) => (isFailure(status) ? 1 : 0));

/** `pixels` has `grid.width` × `grid.height` entries, already of the colour of the surface. */
export function drawGrid(pixels: Uint32Array, grid: Grid, drawing: Drawing): void {
  const plane = drawing.cells[drawing.colouring];
  const dim = drawing.colours.map((colour) => mix(drawing.surface, colour, DIMMED));
  const colourOf = (ordinal: number): number =>
    (drawing.isLit === null || drawing.isLit(ordinal) ? drawing.colours : dim)[plane[ordinal]!]!;
  if (grid.perCell === 1) drawEach(pixels, grid, colourOf);
  else drawBins(pixels, grid, drawing, colourOf);
}

function drawEach(pixels: Uint32Array, grid: Grid, colourOf: (ordinal: number) => number): void {
  const { from, to, width, height, size, columns } = grid;
  const edge = size >= 4 ? size - 1 : size;
  for (let ordinal = from; ordinal < to; ordinal++) {
    const cell = ordinal - from;
    const x = (cell % columns) * size;
    const y = Math.floor(cell / columns) * size;
    const colour = colourOf(ordinal);
    for (let row = y; row < Math.min(y + edge, height); row++)
      pixels.fill(colour, row * width + x, row * width + x + edge);
  }
}

/**
 * A cell of several partitions is filled in proportion, pixel by pixel. A failure has at least one pixel of
 * its own colour, however many others there are.
 */
function drawBins(
  pixels: Uint32Array,
  grid: Grid,
  { cells, colouring }: Drawing,
  colourOf: (ordinal: number) => number,
): void {
  const { from, to, width, height, size, columns, perCell } = grid;
  const area = size * size;
  const isFailed = (ordinal: number): boolean => FAILURES[cells.status[ordinal]! & STATUS_BITS] === 1;
  for (let start = from, cell = 0; start < to; start += perCell, cell++) {
    const x = (cell % columns) * size;
    const y = Math.floor(cell / columns) * size;
    const end = Math.min(start + perCell, to);
    let failed = -1;
    let drewFailure = false;
    if (colouring === 'status' || colouring === 'group')
      for (let ordinal = start; ordinal < end && failed < 0; ordinal++)
        if (isFailed(ordinal)) failed = ordinal;
    for (let pixel = 0; pixel < area; pixel++) {
      let ordinal = start + Math.floor((pixel * (end - start)) / area);
      if (failed >= 0 && !drewFailure && (isFailed(ordinal) || pixel === area - 1)) {
        if (!isFailed(ordinal)) ordinal = failed;
        drewFailure = true;
      }
      const row = y + Math.floor(pixel / size);
      if (row < height) pixels[row * width + x + (pixel % size)] = colourOf(ordinal);
    }
  }
}
