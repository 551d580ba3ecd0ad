/** How long runs of a function usually take. Pure. */
import type { RunListing } from '../..';
import { quantilePosition } from '../../core/quantiles';

export interface UsualTime {
  /** The median of their times. */
  ms: number;
  runs: number;
}

/** The median of fewer runs says little. */
const FEWEST = 3;

/** Of those of the listed runs that came to their end by themselves; null if there are too few. */
export function usualTime(
  runs: readonly RunListing[],
  name: string | null,
  exceptRunId: string,
): UsualTime | null {
  const times = runs
    .filter(({ runId, function: other }) => runId !== exceptRunId && other !== null && other === name)
    .filter(({ status }) => status === 'SUCCESS' || status === 'PARTIAL_FAILURE')
    .map(({ startedAt, endedAt }) => Date.parse(endedAt!) - Date.parse(startedAt))
    .sort((a, b) => a - b);
  if (times.length < FEWEST) return null;
  return { ms: times[quantilePosition(0.5, times.length)]!, runs: times.length };
}

/** `1.4 ×`: a time as a multiple of the usual one. */
export function multipleText(ms: number, { ms: usual }: UsualTime): string {
  const multiple = ms / Math.max(1, usual);
  if (multiple >= 10) return `${Math.round(multiple).toLocaleString('en')} ×`;
  return `${multiple < 0.1 ? multiple.toPrecision(1) : multiple.toFixed(1)} ×`;
}
