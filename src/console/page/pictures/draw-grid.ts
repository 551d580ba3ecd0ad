/** Draws partitions as cells. Pure: bytes in, pixels out. */
import { PARTITION_STATUSES, isFailure } from '../../../core/status';
import { STATUS_BITS } from '../../wire/cells';
import type { PartitionFilter } from '../../wire/types';
import { highlighter } from '../filter';
import type { Cells } from '../run-store';
import type { Palette } from '../theme';
import { coloursOf, mix, planeOf, type Colouring } from './colours';
import type { Grid } from './grid';
import type { MatrixLayout } from './matrix';

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
  cells: Cells,
  colouring: Colouring,
  filter: PartitionFilter,
  palette: Palette,
): Drawing {
  return {
    cells,
    colouring,
    colours: coloursOf(colouring, cells, palette),
    surface: palette.names['surface']!,
    isLit: highlighter(filter, cells),
  };
}

/** Paints a whole canvas pixel by pixel; `paint` gets them in the colour of the surface. */
export function paintPixels(
  context: CanvasRenderingContext2D,
  surface: number,
  paint: (pixels: Uint32Array) => void,
): void {
  const image = context.createImageData(context.canvas.width, context.canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  pixels.fill(surface);
  paint(pixels);
  context.putImageData(image, 0, 0);
}

/** Share of the colour that partitions keep which the filter leaves out. */
const DIMMED = 0.16;

/** 1 for numbers of statuses that are failures. */
const FAILURES = Uint8Array.from(PARTITION_STATUSES, (status) => (isFailure(status) ? 1 : 0));

/** `pixels` has `grid.width` × `grid.height` entries, already of the colour of the surface. */
export function drawGrid(pixels: Uint32Array, grid: Grid, drawing: Drawing): void {
  const colourOf = colourer(drawing);
  if (grid.perCell === 1) drawEach(pixels, grid, colourOf);
  else drawBins(pixels, grid, drawing, colourOf);
}

/** Draws every partition of the run, one a cell; `pixels` is `width` wide, of the colour of the surface. */
export function drawMatrix(
  pixels: Uint32Array,
  width: number,
  { boxOf, cellWidth, cellHeight }: MatrixLayout,
  drawing: Drawing,
): void {
  const colourOf = colourer(drawing);
  const [wide, tall] = [cellWidth - gapOf(cellWidth), cellHeight - gapOf(cellHeight)];
  const { length } = drawing.cells.status;
  for (let ordinal = 0; ordinal < length; ordinal++) {
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

function drawEach(pixels: Uint32Array, grid: Grid, colourOf: (ordinal: number) => number): void {
  const { from, to, width, height, size, columns } = grid;
  const edge = size - gapOf(size);
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
