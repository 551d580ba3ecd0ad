/** How much faster or slower partitions became, as a histogram of powers of two. */
import { Picture } from '../pictures/picture';
import { css, palette } from '../theme';

const HEIGHT = 90;
/** Ratios beyond these powers of two are in the last bars. */
const MOST = 5;
const BINS = 41;

export function DurationRatios({ ratios }: { ratios: readonly number[] }) {
  const counts = new Int32Array(BINS);
  for (const each of ratios)
    counts[Math.round(((Math.max(-MOST, Math.min(MOST, each)) + MOST) / (2 * MOST)) * (BINS - 1))]!++;
  const draw = (context: CanvasRenderingContext2D, width: number, height: number): void => {
    const { names } = palette.value;
    const most = Math.max(1, ...counts);
    const wide = width / BINS;
    context.fillStyle = css(names['line']!);
    context.fillRect(width / 2, 0, 1, height);
    context.fillStyle = css(names['mark']!);
    counts.forEach((count, i) => {
      if (count === 0) return;
      const tall = Math.max(2, (Math.sqrt(count) / Math.sqrt(most)) * height);
      context.fillRect(i * wide, height - tall, Math.max(1, wide - 1), tall);
    });
  };
  return (
    <>
      <Picture
        height={HEIGHT}
        label="Ratios of durations; faster in b on the left, slower on the right."
        draw={draw}
      />
      <p class="axis">
        <span>32 × faster</span>
        <span>the same</span>
        <span>32 × slower</span>
      </p>
    </>
  );
}
