/** Draws units as bars, gaps, and how much ran. Pure, but for the canvas. */
import { failed, PARTITION_STATUSES, type PartitionStatus } from '../../../core/status';
import { css, type Palette } from '../theme';
import type { Bar, PlacedLanes } from './lanes';
import type { Gap } from './work';

/** A canvas that shows the time from `from` to `to`, in milliseconds since 1970. */
export interface TimeCanvas {
  context: CanvasRenderingContext2D;
  width: number;
  height: number;
  scale: number;
  from: number;
  to: number;
  palette: Palette;
}

/** A part that failed has at least this many CSS pixels. */
const LEAST_FAILED = 2;
/** Distance of the lines that mark a gap, in CSS pixels. */
const HATCH = 6;

function xOf({ width, from, to }: TimeCanvas, ms: number): number {
  return ((ms - from) / Math.max(1, to - from)) * width;
}

export function drawBars(canvas: TimeCanvas, { lanes, pitch }: PlacedLanes): void {
  const { context, scale, palette } = canvas;
  const colour = (status: PartitionStatus): string =>
    css(palette.statuses[PARTITION_STATUSES.indexOf(status)]!);
  const tall = Math.max(1, (pitch - 1) * scale);
  const ink = css(palette.names['ink']!);
  for (const { top, bars } of lanes) {
    const y = top * scale;
    for (const bar of bars) {
      if (bar.end < canvas.from || bar.waitedFrom > canvas.to) continue;
      const { unit } = bar;
      const [waited, start, end] = [bar.waitedFrom, bar.start, bar.end].map((ms) => xOf(canvas, ms)) as [
        number,
        number,
        number,
      ];
      context.fillStyle = css(palette.names['line']!);
      context.fillRect(waited, y + tall / 2, Math.max(0, start - waited), Math.min(tall, scale));
      const wide = Math.max(1, end - start);
      context.fillStyle = colour(
        unit.status === 'running' ? 'RUNNING' : unit.status === 'open' ? 'CANCELLED' : 'DONE',
      );
      context.fillRect(start, y, wide, tall);
      const bad = failedShare(bar);
      if (bad > 0) {
        // Its share of the bar, so that one failure of many does not paint all of it.
        const part = Math.min(wide, Math.max(LEAST_FAILED * scale, bad * wide));
        context.fillStyle = colour('FAILED');
        context.fillRect(start + wide - part, y, part, tall);
      }
      if (tall < 4) continue;
      context.fillStyle = ink;
      if (unit.round > 0) context.fillRect(start, y, wide, scale);
      if (!unit.big) continue;
      context.strokeStyle = ink;
      context.lineWidth = scale;
      context.strokeRect(start + scale / 2, y + scale / 2, Math.max(1, wide - scale), tall - scale);
    }
  }
}

/** Of a unit that ended with an error, all of it. */
function failedShare({ unit: { counts, error, partitions, status } }: Bar): number {
  if (error !== null && status === 'ended') return 1;
  return failed(counts) / Math.max(1, partitions);
}

/** Frames the bar that is pointed at. */
export function drawPointed(canvas: TimeCanvas, { lanes, pitch }: PlacedLanes, pointed: Bar): void {
  const id = pointed.unit.activityId;
  const lane = lanes.find(({ bars }) => bars.some(({ unit }) => unit.activityId === id));
  if (lane === undefined) return;
  const { context, scale, palette } = canvas;
  const [start, end] = [xOf(canvas, pointed.start), xOf(canvas, pointed.end)];
  context.strokeStyle = css(palette.names['ink']!);
  context.lineWidth = 2 * scale;
  context.strokeRect(start, lane.top * scale, Math.max(2, end - start), Math.max(2, (pitch - 1) * scale));
}

export function drawGaps(canvas: TimeCanvas, gaps: readonly Gap[]): void {
  const { context, height, scale, palette } = canvas;
  context.strokeStyle = css(palette.names['line']!);
  context.lineWidth = scale;
  for (const gap of gaps) {
    const [left, right] = [xOf(canvas, gap.from), xOf(canvas, gap.to)];
    if (right < 0 || left > canvas.width) continue;
    context.save();
    context.beginPath();
    context.rect(left, 0, Math.max(1, right - left), height);
    context.clip();
    context.beginPath();
    const end = Math.min(right, canvas.width) + height;
    for (let x = Math.max(left, 0) - (Math.max(left, 0) % (HATCH * scale)); x < end; x += HATCH * scale) {
      context.moveTo(x, 0);
      context.lineTo(x - height, height);
    }
    context.stroke();
    context.restore();
  }
}

/** An area as high as its values, the highest of which has the height of the canvas. */
export function drawLoad({ context, width, height, palette }: TimeCanvas, load: Float64Array): void {
  const most = Math.max(...load);
  if (most === 0) return;
  context.fillStyle = css(palette.names['mark']!);
  const wide = width / load.length;
  load.forEach((value, column) => {
    const tall = (value / most) * height;
    context.fillRect(column * wide, height - tall, wide + 0.5, tall);
  });
}
