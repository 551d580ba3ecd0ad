/** Above a timeline: how many units ran at once, and how many partitions ended in a second. */
import { drawLoad } from '../pictures/draw-timeline';
import type { Bar } from '../pictures/lanes';
import { Picture } from '../pictures/picture';
import { loadOf, rateOf } from '../pictures/work';
import { palette } from '../theme';
import { number } from '../words';

const HEIGHT = 26;
/** Parts of the time that are averaged: finer ones cannot be seen. */
const COLUMNS = 400;

interface LoadProps {
  bars: readonly Bar[];
  from: number;
  to: number;
}

export function TimelineLoad(props: LoadProps) {
  return (
    <>
      {/* A part of the time in which 2.3 units ran on average had three at once. */}
      <Load {...props} weightOf={() => 1} what="units at once" rounded={Math.ceil} />
      <Load {...props} weightOf={rateOf} what="partitions per second" rounded={threeDigits} />
    </>
  );
}

function Load({
  bars,
  from,
  to,
  weightOf,
  what,
  rounded,
}: LoadProps & {
  weightOf: (bar: Bar) => number;
  what: string;
  rounded: (value: number) => number;
}) {
  const load = loadOf(bars, weightOf, { from, to, columns: COLUMNS });
  const most = Math.max(...load);
  const text = `${what}, up to ${number(rounded(most))}`;
  return (
    <div class="load">
      <span class="lane-label">{text}</span>
      <Picture
        height={HEIGHT}
        label={text}
        draw={(context, width, height, scale) =>
          drawLoad({ context, width, height, scale, from, to, palette: palette.value }, load)
        }
      />
    </div>
  );
}

function threeDigits(value: number): number {
  return Number(value.toPrecision(3));
}
