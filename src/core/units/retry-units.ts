/** Groups partitions that units gave back into units for the next round. */
import { bytesOf, namesLabel } from './labels';
import { decodeOrdinals, encodeOrdinals } from './ordinals';
import type { UnitResult } from '../outcome';
import type { UnitTask } from '../tasks';
import type { FailureStatus } from '../status';

/** Maximum number of activities that a round adds, however many partitions threw (I7). */
const MAX_UNITS_PER_ROUND = 100;
/** Maximum length of a list of ordinals in a label. */
const MAX_ORDINALS = 150;
/** Partitions that a unit names among those it gave back, and how many bytes their ids may take (I7). */
const MAX_NAMED = 32;
const MAX_NAMED_BYTES = 1_024;
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
  /** Its partition id, if its unit named it. */
  id?: string;
}

/**
 * The ids of partitions that a unit gives back, by ordinal, for the labels of their retries: all of them if
 * they are few, otherwise some throughout the unit, so that most units that retry them have one.
 */
export function namesGivenBack(
  givenBack: readonly { ordinal: number; id: string }[],
): Record<number, string> {
  const step = Math.ceil(givenBack.length / MAX_NAMED);
  const names: Record<number, string> = {};
  let bytes = 0;
  for (let i = 0; i < givenBack.length; i += step) {
    const { ordinal, id } = givenBack[i]!;
    bytes += bytesOf(id);
    if (bytes <= MAX_NAMED_BYTES) names[ordinal] = id;
  }
  return names;
}

/** The ordinals that a unit gave back. */
export function givenBack({ retry, big }: Pick<UnitResult, 'retry' | 'big'>): number[] {
  return [retry, big].flatMap((ordinals) => decodeOrdinals(ordinals ?? ''));
}

/** Adds the partitions that a unit gave back to `waiting`, by ordinal. */
export function takeBack(
  waiting: Map<number, GivenBack>,
  { retry, big: toBig, names = {} }: Pick<UnitResult, 'retry' | 'big' | 'names'>,
  { round, big }: Pick<UnitTask, 'round' | 'big'>,
): void {
  const named = (ordinal: number): { id?: string } =>
    Object.hasOwn(names, ordinal) ? { id: names[ordinal]! } : {};
  for (const ordinal of decodeOrdinals(retry ?? ''))
    waiting.set(ordinal, { round: round + 1, big, otherwise: 'FAILED', ...named(ordinal) });
  for (const ordinal of decodeOrdinals(toBig ?? ''))
    waiting.set(ordinal, { round, big: true, otherwise: 'INTERNAL_ERROR', ...named(ordinal) });
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
    cutGroup(
      given,
      ordinals,
      Math.max(1, Math.floor((maxUnits * ordinals.length) / waiting.size)),
      (ordinal) => waiting.get(ordinal)!.id,
    ),
  );
}

function cutGroup(
  { round, big }: Pick<GivenBack, 'round' | 'big'>,
  ordinals: readonly number[],
  maxUnits: number,
  idOf: (ordinal: number) => string | undefined,
): RetryUnit[] {
  const size = Math.ceil(ordinals.length / Math.min(maxUnits, ordinals.length));
  const cut: RetryUnit[] = [];
  for (let i = 0; i < ordinals.length; i += size) {
    const part = ordinals.slice(i, i + size);
    const only = encodeOrdinals(part);
    const unit = { from: part[0]!, to: part.at(-1)!, only, partitions: part.length, round, big };
    cut.push({
      ...unit,
      label: retryLabel(
        unit,
        part.flatMap((ordinal) => idOf(ordinal) ?? []),
      ),
    });
  }
  return cut;
}

/**
 * The label of a retry unit: its partitions by name as far as they are known, which results of earlier
 * releases do not say.
 */
function retryLabel(
  { round, big, only, from, to, partitions }: Omit<RetryUnit, 'label'>,
  ids: readonly string[],
): string {
  const prefix = big ? 'with more memory: ' : `retry ${round}: `;
  const named = namesLabel(ids, partitions, prefix);
  if (named !== null) return named;
  const list = `${partitions === 1 ? 'partition' : 'partitions'} ${only}`;
  return prefix + (only.length <= MAX_ORDINALS ? list : `${partitions} partitions from ${from} to ${to}`);
}
