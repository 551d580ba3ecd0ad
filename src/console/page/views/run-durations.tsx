/** How long partitions took: a histogram over a logarithmic scale, and exact quantiles. */
import { durationText } from '../../../display/measures';
import { durationByte, durationOf } from '../../wire/cells';
import type { Figures, PartitionFilter, ValueRange } from '../../wire/types';
import { setQuery } from '../address';
import { quantileSentence, skewSentence } from '../duration-sentences';
import { filter, highlighter, rangeText } from '../filter';
import { Brush } from '../pictures/brush';
import { bounds } from '../pictures/colours';
import type { Part } from '../pictures/part';
import { useAnswer } from '../parts/use-answer';
import { useCount } from '../parts/use-count';
import type { Cells, Count } from '../run-cells';
import type { RunStore } from '../run-store';
import { css, palette } from '../theme';

const HEIGHT = 120;
const LEAST_BAR = 2;

export function DurationsPanel({ store, figures }: { store: RunStore; figures: Figures | null }) {
  const { value: version } = store.drawn;
  const [least, most] = bounds(store.values.duration);
  const bins = Math.max(1, most - least + 1);
  const { took, ...others } = filter.value;
  // Of all durations, also while some of them are selected here.
  const { counts } = useCount(store, (cells) => durationCounts(cells, others), [filter.value]);

  return (
    <section class="panel" aria-label="Durations">
      <h2>
        Durations <span class="faint">heights by square root</span>
      </h2>
      {most === 0 ? (
        <p class="empty">No partition has ended yet.</p>
      ) : (
        <>
          <Brush
            height={HEIGHT}
            label={figures?.took == null ? 'Durations' : quantileSentence(figures)}
            steps={bins}
            of={[counts, version]}
            value={took === undefined ? null : binsOf(took, least, bins)}
            edges={['Shortest duration', 'Longest duration']}
            textAt={(step) => durationText(durationOf(least + step - 0.5))}
            onSelect={(range) =>
              setQuery({ took: range === null ? null : rangeText(tookOf(range, least, bins)) })
            }
            draw={(context, size, range) =>
              drawHistogram(context, size, counts.subarray(least, most + 1), range)
            }
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

/** Number of partitions by the byte of their duration. */
function durationCounts(cells: Cells, conditions: PartitionFilter): { counts: Int32Array; count: Count } {
  const { duration } = cells;
  const isLit = highlighter(conditions, cells);
  const counts = new Int32Array(256);
  return {
    counts,
    count(from, to, by) {
      for (let ordinal = from; ordinal < to; ordinal++)
        if (isLit === null || isLit(ordinal)) counts[duration[ordinal]!]! += by;
    },
  };
}

/**
 * The durations of a range of bins, with both ends inside them, in milliseconds with four digits; open at the
 * ends of the axis.
 */
function tookOf([from, to]: Part, least: number, bins: number): ValueRange {
  const rounded = (ms: number, round: (value: number) => number): number => {
    const digit = 10 ** (Math.floor(Math.log10(ms)) - 3);
    return Number((round(ms / digit) * digit).toPrecision(4));
  };
  return [
    from === 0 ? null : rounded(durationOf(least + from - 0.5), Math.ceil),
    to === bins ? null : rounded(durationOf(least + to - 0.5), Math.floor),
  ];
}

/** The inverse; null if there are no such bins. */
function binsOf([from, to]: ValueRange, least: number, bins: number): Part | null {
  const first = from === null ? 0 : Math.max(0, durationByte(from) - least);
  const last = to === null ? bins : Math.min(bins, durationByte(to) - least + 1);
  return first < last ? [first, last] : null;
}

function drawHistogram(
  context: CanvasRenderingContext2D,
  { width, height }: { width: number; height: number },
  counts: Int32Array,
  range: Part | null,
): void {
  const { names } = palette.value;
  const tallest = Math.max(1, ...counts);
  const wide = width / counts.length;
  counts.forEach((count, bin) => {
    if (count === 0) return;
    const isIn = range === null || (bin >= range[0] && bin < range[1]);
    context.fillStyle = css(names[isIn ? 'mark' : 'line']!);
    const tall = Math.max(LEAST_BAR, Math.sqrt(count / tallest) * height);
    context.fillRect(bin * wide, height - tall, Math.max(1, wide - 1), tall);
  });
  if (range === null) return;
  context.strokeStyle = css(names['ink']!);
  context.lineWidth = 2;
  context.strokeRect(range[0] * wide, 1, Math.max(2, (range[1] - range[0]) * wide), height - 2);
}

export function useFigures(store: RunStore): Figures | null {
  return useAnswer<Figures>(store.total > 0 ? store.path('/figures') : null, {
    body: { filter: filter.value },
    version: store.now.value?.version ?? 0,
    versionOf: ({ version }) => version,
  }).value;
}
