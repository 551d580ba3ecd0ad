/** Pictures of a comparison: a × b, and how far apart they are. */
import type { ComparisonAnswer } from '../../wire/models';
import { mix } from '../pictures/colours';
import { Picture } from '../pictures/picture';
import { css, palette } from '../theme';
import { metricText } from '../parts/metric';

const SCATTER_HEIGHT = 320;
const HISTOGRAM_HEIGHT = 160;
const LEAST_BAR = 2;
/** CSS pixels of the smallest mark. */
const LEAST_MARK = 4;

/** The versions that are compared, as the address has them. */
export interface Sides {
  a: string;
  b: string;
}

interface PanelProps {
  answer: ComparisonAnswer;
  sides: Sides;
  higher: boolean;
}

export function ScatterPanel({ answer: { scatter, metric }, sides, higher }: PanelProps) {
  if (scatter === null) return null;
  const { side, scale, from, to, cells } = scatter;
  const draw = (context: CanvasRenderingContext2D, width: number, height: number, ratio: number): void => {
    const { names } = palette.value;
    // A square, so that the diagonal is one.
    const size = Math.min(width, height);
    const cell = size / side;
    const mark = Math.max(cell, LEAST_MARK * ratio);
    let most = 0;
    for (let i = 2; i < cells.length; i += 3) most = Math.max(most, cells[i]!);
    context.strokeStyle = css(names['line']!);
    context.strokeRect(0.5, 0.5, size - 1, size - 1);
    context.strokeStyle = css(names['faint']!);
    context.setLineDash([4 * ratio, 4 * ratio]);
    context.beginPath();
    context.moveTo(0, size);
    context.lineTo(size, 0);
    context.stroke();
    context.setLineDash([]);
    for (let i = 0; i < cells.length; i += 3) {
      const [column, line, count] = [cells[i]!, cells[i + 1]!, cells[i + 2]!];
      // One partition is still seen.
      const share = most === 1 ? 1 : 0.4 + (0.6 * Math.log(count)) / Math.log(most);
      context.fillStyle = css(mix(names['scale-low']!, names['scale-high']!, share));
      const x = (column + 0.5) * cell - mark / 2;
      const y = size - (line + 0.5) * cell - mark / 2;
      context.fillRect(
        Math.max(0, Math.min(size - mark, x)),
        Math.max(0, Math.min(size - mark, y)),
        mark,
        mark,
      );
    }
  };
  const below = higher ? sides.a : sides.b;
  return (
    <section class="panel" aria-label="Both versions">
      <h2>
        Version {sides.a} × version {sides.b}{' '}
        <span class="faint">
          below the diagonal: version {below} is better{scale === 'log' ? '; logarithmic' : ''}
        </span>
      </h2>
      <div class="square">
        <Picture
          height={SCATTER_HEIGHT}
          label={`${metric} of version ${sides.b}, upwards, against that of version ${sides.a}, from ${metricText(from)} to ${metricText(to)}, with the diagonal.`}
          draw={draw}
        />
        <p class="axis">
          <span>{metricText(from)}</span>
          <span>
            version {sides.a} →, version {sides.b} ↑
          </span>
          <span>{metricText(to)}</span>
        </p>
      </div>
    </section>
  );
}

export function DifferencesPanel({ answer: { differences }, sides, higher }: PanelProps) {
  if (differences === null) return null;
  const { bins, from, to, quantiles } = differences;
  const middle = bins.length >> 1;
  const draw = (context: CanvasRenderingContext2D, width: number, height: number): void => {
    const tallest = Math.max(1, ...bins);
    const wide = width / bins.length;
    const { names } = palette.value;
    for (const [i, count] of bins.entries()) {
      if (count === 0) continue;
      const isBetter = i === middle ? null : i < middle !== higher;
      context.fillStyle = css(names[isBetter === null ? 'line' : isBetter ? 'mark' : 'worse']!);
      const tall = Math.max(LEAST_BAR, (Math.sqrt(count) / Math.sqrt(tallest)) * height);
      context.fillRect(i * wide, height - tall, Math.max(1, wide - 1), tall);
    }
  };
  const { q25, median, q75, min, max } = quantiles;
  const sentence = `Half of the differences are ${metricText(q25)} to ${metricText(q75)}, median ${metricText(median)}; all ${metricText(min)} to ${metricText(max)}.`;
  return (
    <section class="panel" aria-label="Differences">
      <h2>
        Version {sides.b} − version {sides.a}{' '}
        <span class="faint">heights by square root; the end bars have the rest</span>
      </h2>
      <Picture height={HISTOGRAM_HEIGHT} label={sentence} draw={draw} />
      <p class="axis">
        <span>
          {metricText(from)} {higher ? 'worse' : 'better'}
        </span>
        <span>0</span>
        <span>
          {higher ? 'better' : 'worse'} {metricText(to)}
        </span>
      </p>
      <p>{sentence}</p>
    </section>
  );
}
