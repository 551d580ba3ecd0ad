/** Draws partitions as cells. Pure: bytes in, pixels out. */
import { PARTITION_STATUSES, isFailure } from '../../../core/status';
import { STATUS_BITS } from '../../wire/cells';
import type { PartitionFilter } from '../../wire/types';
import { highlighter } from '../filter';
import type { Cells, CellValues } from '../run-cells';
import type { Palette } from '../theme';
import { coloursOf, mix, planeOf, type Colouring } from './colours';
import type { Grid } from './grid';
import type { MatrixLayout } from './matrix';
import type { Ranges } from './use-pixels';

interface Drawing {
  cells: Cells;
  colouring: Colouring;
  /** By the value of the colouring's plane. */
  colours: Uint32Array;
  surface: number;
  /** Null: all in full colour. */
  isLit: ((ordinal: number) => boolean) | null;
}

export function drawingOf(
  { cells, values }: { cells: Cells; values: CellValues },
  colouring: Colouring,
  filter: PartitionFilter,
  palette: Palette,
): Drawing {
  return {
    cells,
    colouring,
    colours: coloursOf(colouring, values, palette),
    surface: palette.names['surface']!,
    isLit: highlighter(filter, cells),
  };
}

/** Share of the colour that partitions keep which the filter leaves out. */
const DIMMED = 0.16;

/** 1 for numbers of statuses that are failures. */
const FAILURES = Uint8Array.from(PARTITION_STATUSES, (status) => (isFailure(status) ? 1 : 0));

/** Draws the cells of some ranges; `pixels` has `grid.width` × `grid.height` entries. */
export function drawGrid(pixels: Uint32Array, grid: Grid, drawing: Drawing, ranges: Ranges): void {
  const colourOf = colourer(drawing);
  for (const range of ranges) {
    const [from, to] = [Math.max(grid.from, range[0]), Math.min(grid.to, range[1])];
    if (from >= to) continue;
    if (grid.perCell === 1) drawEach(pixels, grid, [from, to], colourOf);
    else drawBins(pixels, grid, [from, to], drawing, colourOf);
  }
}

/** Draws the partitions of some ranges, one a cell; `pixels` is `width` wide. */
export function drawMatrix(
  pixels: Uint32Array,
  width: number,
  { boxOf, cellWidth, cellHeight }: MatrixLayout,
  drawing: Drawing,
  ranges: Ranges,
): void {
  const colourOf = colourer(drawing);
  const [wide, tall] = [cellWidth - gapOf(cellWidth), cellHeight - gapOf(cellHeight)];
  for (const [from, to] of ranges)
    for (let ordinal = from; ordinal < to; ordinal++) {
      const { x, y } = boxOf(ordinal);
      const colour = colourOf(ordinal);
      for (let row = y; row < y + tall; row++) pixels.fill(colour, row * width + x, row * width + x + wide);
    }
}

function colourer({ cells, colouring, colours, surface, isLit }: Drawing): (ordinal: number) => number {
  const plane = cells[planeOf(colouring)];
  const dim = colours.map((colour) => mix(surface, colour, DIMMED));
  return (ordinal) => (isLit === null || isLit(ordinal) ? colours : dim)[plane[ordinal]!]!;
}

/** Cells that are large enough have a pixel between them. */
function gapOf(size: number): number {
  return size >= 4 ? 1 : 0;
}

function drawEach(
  pixels: Uint32Array,
  grid: Grid,
  [from, to]: readonly [number, number],
  colourOf: (ordinal: number) => number,
): void {
  const { width, height, size, columns } = grid;
  const edge = size - gapOf(size);
  for (let ordinal = from; ordinal < to; ordinal++) {
    const cell = ordinal - grid.from;
    const x = (cell % columns) * size;
    const y = Math.floor(cell / columns) * size;
    const colour = colourOf(ordinal);
    for (let row = y; row < Math.min(y + edge, height); row++)
      pixels.fill(colour, row * width + x, row * width + x + edge);
  }
}

/**
 * A cell of several partitions is filled in proportion, pixel by pixel. A failure has at least one pixel of
 * its own colour, however many others there are. All of the cells are drawn that a range reaches into.
 */
function drawBins(
  pixels: Uint32Array,
  grid: Grid,
  [first, last]: readonly [number, number],
  { cells, colouring }: Drawing,
  colourOf: (ordinal: number) => number,
): void {
  const { from, to, width, height, size, columns, perCell } = grid;
  const area = size * size;
  const isFailed = (ordinal: number): boolean => FAILURES[cells.status[ordinal]! & STATUS_BITS] === 1;
  let cell = Math.floor((first - from) / perCell);
  for (let start = from + cell * perCell; start < last; start += perCell, cell++) {
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
