import { useRef } from 'preact/hooks';
import { useCount } from '../parts/use-count';
import type { Count, RunCells } from '../run-cells';

/** Ordinals from, and up to but not including. */
export type Ranges = readonly (readonly [from: number, to: number])[];

/** Of a picture that is not drawn for long, the last range grows. */
const MAX_RANGES = 1_000;

/** The ranges that have changed since they were emptied. */
function changes(): { ranges: [number, number][]; count: Count } {
  const ranges: [number, number][] = [];
  return {
    ranges,
    count(from, to, by) {
      if (by === -1) return;
      const last = ranges.at(-1);
      if (last === undefined || ranges.length < MAX_RANGES) ranges.push([from, to]);
      else ranges.splice(-1, 1, [Math.min(last[0], from), Math.max(last[1], to)]);
    },
  };
}

/**
 * Returns a function that draws the cells of a run over a whole picture, pixel by pixel. Only those that have
 * changed are painted again, unless one of the other values that the picture is made of is another one.
 * `paint` gets the pixels in the colour `surface` at first, and what it painted before afterwards.
 */
export function usePixels(
  run: RunCells,
): (
  context: CanvasRenderingContext2D,
  madeOf: readonly unknown[],
  surface: number,
  paint: (pixels: Uint32Array, ranges: Ranges) => void,
) => void {
  const changed = useCount(run, changes);
  const kept = useRef<{ madeOf: readonly unknown[]; image: ImageData } | null>(null);
  return (context, madeOf, surface, paint) => {
    const { width, height } = context.canvas;
    const now = [width, height, run.cells, ...madeOf];
    const isKept = kept.current !== null && now.every((value, i) => value === kept.current!.madeOf[i]);
    if (!isKept) kept.current = { madeOf: now, image: context.createImageData(width, height) };
    const { image } = kept.current!;
    const pixels = new Uint32Array(image.data.buffer);
    if (!isKept) pixels.fill(surface);
    const ranges = isKept ? changed.ranges : [[0, run.total] as const];
    if (ranges.length > 0) paint(pixels, ranges);
    changed.ranges.length = 0;
    context.putImageData(image, 0, 0);
  };
}
