/** How long partitions took: a histogram over a logarithmic scale, and exact quantiles. */
import { useMemo, useRef, useState } from 'preact/hooks';
import { durationText } from '../../../display/measures';
import { durationOf } from '../../wire/cells';
import type { Figures, PartitionFilter } from '../../wire/types';
import { setQuery } from '../address';
import { filter, highlighter, rangeText } from '../filter';
import { Picture } from '../pictures/picture';
import { bounds } from '../pictures/colours';
import { useAnswer } from '../parts/use-answer';
import type { Cells, RunStore } from '../run-store';
import { css, palette } from '../theme';
import { number } from '../words';

const HEIGHT = 120;
const LEAST_BAR = 2;

export function DurationsPanel({ store, figures }: { store: RunStore; figures: Figures | null }) {
  void store.drawn.value;
  const start = useRef<number | null>(null);
  const [dragged, setDragged] = useState<readonly [number, number] | null>(null);
  const { least, most, counts } = useMemo(
    () => countsOf(store.cells, filter.value),
    [store, store.drawn.value, filter.value],
  );
  const bins = Math.max(1, most - least + 1);

  const valueAt = (event: PointerEvent): number => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return (
      least + Math.max(0, Math.min(bins - 1, Math.floor(((event.clientX - box.left) / box.width) * bins)))
    );
  };
  const draw = (context: CanvasRenderingContext2D, width: number, height: number): void => {
    const tallest = Math.max(1, ...counts.subarray(least, most + 1));
    const wide = width / bins;
    for (let value = least; value <= most; value++) {
      const count = counts[value]!;
      if (count === 0 || value === 0) continue;
      const isIn = dragged === null || (value >= dragged[0] && value <= dragged[1]);
      context.fillStyle = css(palette.value.names[isIn ? 'mark' : 'line']!);
      const tall = Math.max(LEAST_BAR, (Math.sqrt(count) / Math.sqrt(tallest)) * height);
      context.fillRect((value - least) * wide, height - tall, Math.max(1, wide - 1), tall);
    }
  };

  return (
    <section class="panel" aria-label="Durations">
      <h2>
        Durations <span class="faint">heights by square root</span>
      </h2>
      {most === 0 ? (
        <p class="empty">No partition has ended yet.</p>
      ) : (
        <>
          <Picture
            height={HEIGHT}
            label={figures?.took == null ? 'Durations' : quantileSentence(figures)}
            draw={draw}
            of={[counts, dragged]}
            onPointerDown={(event) => {
              if (event.button !== 0) return;
              (event.currentTarget as Element).setPointerCapture(event.pointerId);
              start.current = valueAt(event);
            }}
            onPointerMove={(event) => {
              if (start.current === null) return;
              const at = valueAt(event);
              setDragged([Math.min(start.current, at), Math.max(start.current, at)]);
            }}
            onPointerCancel={() => {
              start.current = null;
              setDragged(null);
            }}
            onPointerUp={() => {
              if (dragged !== null)
                setQuery({
                  took: rangeText([
                    rounded(durationOf(dragged[0] - 0.5)),
                    rounded(durationOf(dragged[1] + 0.5)),
                  ]),
                });
              start.current = null;
              setDragged(null);
            }}
          />
          <p class="axis">
            <span>about {durationText(durationOf(least))}</span>
            <span>{durationText(durationOf(most))}</span>
          </p>
        </>
      )}
      {figures?.took != null && <p>{quantileSentence(figures)}</p>}
      {figures !== null && skewSentence(figures) !== null && <p>{skewSentence(figures)}</p>}
    </section>
  );
}

/** Partitions that the filter selects by the byte of their duration, and the range of these bytes. */
function countsOf(cells: Cells, conditions: PartitionFilter) {
  const { duration } = cells;
  const [least, most] = bounds(duration);
  const counts = new Int32Array(256);
  const isLit = highlighter(conditions, cells);
  for (let ordinal = 0; ordinal < duration.length; ordinal++)
    if (isLit === null || isLit(ordinal)) counts[duration[ordinal]!]!++;
  return { least, most, counts };
}

export function useFigures(store: RunStore): Figures | null {
  return useAnswer<Figures>(store.total > 0 ? store.path('/figures') : null, {
    body: { filter: filter.value },
    version: store.now.value?.version ?? 0,
    versionOf: ({ version }) => version,
  }).value;
}

function quantileSentence({ took }: Figures): string {
  const { min, q25, median, q75, q95, max } = took!;
  const [least, lower, middle, upper, high, most] = [min, q25, median, q75, q95, max].map(durationText);
  return `Half of the partitions took ${lower} to ${upper}, median ${middle}; 95 % at most ${high}; all ${least} to ${most}.`;
}

/** The slowest are worth a sentence if they took this many times their share of the partitions. */
const WORTH_SAYING = 5;

function skewSentence({ slowest, outliers, tookSum, timed }: Figures): string | null {
  const fair = slowest.partitions / Math.max(1, timed);
  if (tookSum === 0 || slowest.share < WORTH_SAYING * fair || outliers.length < 2) return null;
  const large = outliers.filter(({ isLarge }) => isLarge).length;
  const who =
    slowest.partitions === 1
      ? 'The slowest partition'
      : `The slowest ${number(slowest.partitions)} partitions`;
  const why =
    large === outliers.length
      ? 'The slow partitions are also the largest: skew.'
      : large === 0
        ? 'The slow partitions are not the largest: look at them.'
        : `${large} of the ${outliers.length} slowest are among the largest: skew. The others are not: look at them.`;
  return `${who} took ${Math.round(slowest.share * 100)} % of the time. ${why}`;
}

function rounded(ms: number): number {
  return Number(ms.toPrecision(3));
}
