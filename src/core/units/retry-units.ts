/** Partitions that units gave back, gathered into units for the next round. */
import { decodeOrdinals, encodeOrdinals } from './ordinals';
import type { UnitResult } from '../outcome';
import type { UnitTask } from '../tasks';
import type { FailureStatus } from '../status';

/** A round adds at most this many activities, however many partitions threw (I7). */
const MAX_UNITS_PER_ROUND = 100;
/** Characters of a list of ordinals that a label shows. */
const MAX_NAMED = 150;
/** All rounds together: with 500 first units, far below 10,000 events. */
const MAX_RETRY_UNITS = 1_000;

/**
 * How many units a round may have: enough to keep the lanes busy, and few enough for all rounds to fit into
 * one history.
 */
export function retryUnitsPerRound(lanes: number, maximumAttempts: number): number {
  // enforces I7
  const share = Math.floor(MAX_RETRY_UNITS / Math.max(1, maximumAttempts - 1));
  return Math.max(1, Math.min(MAX_UNITS_PER_ROUND, 4 * lanes, share));
}

/** How a partition is tried again that a unit gave back. */
export interface GivenBack {
  /** How often it threw. */
  round: number;
  /** It ran out of memory, and is tried where there is more. */
  big: boolean;
  /** How it ends if it is not. */
  otherwise: FailureStatus;
}

/** The partitions that a unit gave back. */
export function givenBack({ retry, big }: Pick<UnitResult, 'retry' | 'big'>): number[] {
  return [retry, big].flatMap((ordinals) => decodeOrdinals(ordinals ?? ''));
}

/** Adds what a unit gave back to what waits, by ordinal. */
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

/** Spreads what waits over so many units; partitions of one unit are alike in how they are tried again. */
export function cutRetryUnits(waiting: ReadonlyMap<number, GivenBack>, most: number): RetryUnit[] {
  const groups = new Map<string, { given: GivenBack; ordinals: number[] }>();
  for (const [ordinal, given] of [...waiting].sort(([a], [b]) => a - b)) {
    const key = `${given.round} ${given.big}`;
    const group = groups.get(key) ?? { given, ordinals: [] };
    groups.set(key, group);
    group.ordinals.push(ordinal);
  }
  return [...groups.values()].flatMap(({ given, ordinals }) =>
    cutGroup(given, ordinals, Math.max(1, Math.floor((most * ordinals.length) / waiting.size))),
  );
}

function cutGroup(
  { round, big }: Pick<GivenBack, 'round' | 'big'>,
  ordinals: readonly number[],
  most: number,
): RetryUnit[] {
  const size = Math.ceil(ordinals.length / Math.min(most, ordinals.length));
  const cut: RetryUnit[] = [];
  for (let i = 0; i < ordinals.length; i += size) {
    const part = ordinals.slice(i, i + size);
    const only = encodeOrdinals(part);
    const unit = { from: part[0]!, to: part.at(-1)!, only, partitions: part.length, round, big };
    cut.push({ ...unit, label: retryLabel(unit) });
  }
  return cut;
}

/** What Temporal's UI shows of such a unit. */
function retryLabel({ round, big, only, from, to, partitions }: Omit<RetryUnit, 'label'>): string {
  const which = only.length <= MAX_NAMED ? only : `${partitions} partitions from ${from} to ${to}`;
  return big ? `${which} with more memory` : `retry ${round} of ${which}`;
}
