/** How long partitions took, in sentences. Pure. */
import { durationText } from '../../display/measures';
import type { Figures } from '../wire/types';

/** Durations are whole milliseconds. */
const LEAST = 'less than 1 ms';

export function quantileSentence({ took }: Pick<Figures, 'took'>): string {
  const { min, q25, median, q75, q95, max } = took!;
  if (max === 0) return `All partitions took ${LEAST}.`;
  const [lower, middle, upper] = [q25, median, q75].map((ms) => (ms < 1 ? LEAST : durationText(ms)));
  const from = q25 < 1 ? 'up to' : `${lower} to`;
  const half = lower === upper ? lower : `${from} ${upper}, median ${middle}`;
  const most = q95 < 1 ? '95 % too' : `95 % at most ${durationText(q95)}`;
  const all = min === 0 ? `at most ${durationText(max)}` : `${durationText(min)} to ${durationText(max)}`;
  return `Half of the partitions took ${half}; ${most}; all ${all}.`;
}

/** The slowest are worth a sentence if they took this many times their share of the partitions. */
const WORTH_SAYING = 5;

/** Null if it would say nothing: where most took no whole millisecond, all the time is that of a few. */
export function skewSentence({ took, slowest, outliers, timed }: Figures): string | null {
  const fair = slowest.partitions / Math.max(1, timed);
  if (took === null || took.median < 1 || slowest.share < WORTH_SAYING * fair || outliers.length < 2)
    return null;
  const large = outliers.filter(({ isLarge }) => isLarge).length;
  const who =
    slowest.partitions === 1
      ? 'The slowest partition'
      : `The slowest ${slowest.partitions.toLocaleString('en')} partitions`;
  const why =
    large === outliers.length
      ? 'The slow partitions are also the largest: skew.'
      : large === 0
        ? 'The slow partitions are not the largest: look at them.'
        : `${large} of the ${outliers.length} slowest are among the largest: skew. The others are not: look at them.`;
  return `${who} took ${Math.round(slowest.share * 100)} % of the time. ${why}`;
}
