/** Groups partitions that units gave back into units for the next round. */
import { decodeOrdinals, encodeOrdinals } from './ordinals';
import type { UnitResult } from '../outcome';
import type { UnitTask } from '../tasks';
import type { FailureStatus } from '../status';

/** Maximum number of activities that a round adds, however many partitions threw (I7). */
const MAX_UNITS_PER_ROUND = 100;
/** Maximum length of a list of ordinals in a label. */
const MAX_NAMED = 150;
/** For all rounds together: with 500 initial units, far below 10,000 events. */
const MAX_RETRY_UNITS = 1_000;

/**
 * Maximum number of units per round: enough to keep the lanes busy, and few enough for all rounds to fit in
 * one history.
 */
export function retryUnitsPerRound(lanes: number, maximumAttempts: number): number {
  // enforces I7
  const share = Math.floor(MAX_RETRY_UNITS / Math.max(1, maximumAttempts - 1));
  return Math.max(1, Math.min(MAX_UNITS_PER_ROUND, 4 * lanes, share));
}

/** How a partition that a unit gave back is retried. */
export interface GivenBack {
  /** Number of times it threw. */
  round: number;
  /** Whether it ran out of memory and is retried where there is more. */
  big: boolean;
  /** Its status if it is not retried. */
  otherwise: FailureStatus;
}

/** The ordinals that a unit gave back. */
export function givenBack({ retry, big }: Pick<UnitResult, 'retry' | 'big'>): number[] {
  return [retry, big].flatMap((ordinals) => decodeOrdinals(ordinals ?? ''));
}

/** Adds the partitions that a unit gave back to `waiting`, by ordinal. */
export function takeBack(
  waiting: Map<number, GivenBack>,
  result: Pick<UnitResult, 'retry' | 'big'>,
  { round, big }: Pick<UnitTask, 'round' | 'big'>,
): void {
  for (const ordinal of decodeOrdinals(result.retry ?? ''))
    waiting.set(ordinal, { round: round + 1, big, otherwise: 'FAILED' });
  for (const ordinal of decodeOrdinals(result.big ?? ''))
    waiting.set(ordinal, { round, big: true, otherwise: 'INTERNAL_ERROR' });
}

export interface RetryUnit extends Pick<GivenBack, 'round' | 'big'> {
  from: number;
  to: number;
  only: string;
  partitions: number;
  label: string;
}

/**
 * Distributes the waiting partitions over up to `maxUnits` units; all partitions of a unit are retried in the
 * same way.
 */
export function cutRetryUnits(waiting: ReadonlyMap<number, GivenBack>, maxUnits: number): RetryUnit[] {
  const groups = new Map<string, { given: GivenBack; ordinals: number[] }>();
  for (const [ordinal, given] of [...waiting].sort(([a], [b]) => a - b)) {
    const key = `${given.round} ${given.big}`;
    const group = groups.get(key) ?? { given, ordinals: [] };
    groups.set(key, group);
    group.ordinals.push(ordinal);
  }
  return [...groups.values()].flatMap(({ given, ordinals }) =>
    cutGroup(given, ordinals, Math.max(1, Math.floor((maxUnits * ordinals.length) / waiting.size))),
  );
}

function cutGroup(
  { round, big }: Pick<GivenBack, 'round' | 'big'>,
  ordinals: readonly number[],
  maxUnits: number,
): RetryUnit[] {
  const size = Math.ceil(ordinals.length / Math.min(maxUnits, ordinals.length));
  const cut: RetryUnit[] = [];
  for (let i = 0; i < ordinals.length; i += size) {
    const part = ordinals.slice(i, i + size);
    const only = encodeOrdinals(part);
    const unit = { from: part[0]!, to: part.at(-1)!, only, partitions: part.length, round, big };
    cut.push({ ...unit, label: retryLabel(unit) });
  }
  return cut;
}

/** The label of a retry unit in Temporal's UI. */
function retryLabel({ round, big, only, from, to, partitions }: Omit<RetryUnit, 'label'>): string {
  const which = only.length <= MAX_NAMED ? only : `${partitions} partitions from ${from} to ${to}`;
  return big ? `${which} with more memory` : `retry ${round} of ${which}`;
}
