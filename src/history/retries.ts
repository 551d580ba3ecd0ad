/** What waits for its next attempt. Never part of a run's final state (I2). */
import { maxCalls } from '../core/failures/budgets';
import type { ErrorInfo } from '../core/outcome';
import { namesLabel } from '../core/units/labels';
import { shardFinder } from '../core/units/shards';
import { callsBefore, type RunRecord } from './fold';
import type { NextAttempt, WaitingRetries, WaitingRetry } from './state';

const MAX_RETRIES = 20;
/** Partitions of a group that are named, as far as their units named them. */
const MAX_NAMED = 5;

/** The last failure of a partition that was given back; undefined if it cannot be read. */
export type ThrownError = (ordinal: number) => { id: string | null; error: ErrorInfo | null } | undefined;

/** Partitions that are retried alike, with the first of them. */
interface Group {
  round: number;
  big: boolean;
  /** When they are due, ISO 8601 UTC; null while that is unknown. */
  at: string | null;
  first: number;
  ids: string[];
  partitions: number;
}

export function nextAttempt(
  { plan, pause }: RunRecord,
  { attempt, at, error }: { attempt: number; at: string | null; error: ErrorInfo | null },
): NextAttempt {
  const most = plan === null ? 0 : maxCalls(plan.retry, error?.type ?? '');
  // Lost workers, for example, are not counted with a partition's own failures.
  return { attempt, maximumAttempts: attempt <= most ? most : null, at: pause.asked ? null : at };
}

/**
 * When partitions that batches gave back are retried: once the wait of the run, or of their shard, is over;
 * null while it has not begun.
 */
export function roundTimes({ waits, open, plan }: RunRecord): (ordinal: number) => string | null {
  const shardOf = plan?.sharding ? shardFinder(plan.sharding) : () => null;
  const busy = new Set<number | null>();
  for (const { task } of open.values()) busy.add(shardOf(task.from));
  const due = new Map<number | null, string>();
  for (const { shard, until } of waits.values()) due.set(shard, until);
  return (ordinal) => {
    const shard = shardOf(ordinal);
    return busy.has(shard) ? null : (due.get(shard) ?? null);
  };
}

/** The partitions that batches gave back, in groups that are retried alike: those that are due first. */
function firstGroups(record: RunRecord): Group[] {
  const groups = new Map<string, Group>();
  const roundAt = roundTimes(record);
  for (const [ordinal, { round, big, id }] of record.waiting) {
    const at = roundAt(ordinal);
    const key = `${round} ${big} ${at}`;
    const group = groups.get(key) ?? { round, big, at, first: ordinal, ids: [], partitions: 0 };
    groups.set(key, group);
    group.partitions++;
    if (id !== undefined && group.ids.length < MAX_NAMED) group.ids.push(id);
  }
  return [...groups.values()].sort(bySoonest).slice(0, MAX_RETRIES);
}

/** Ordinals whose last failures `waitingRetries` asks for. */
export function firstGivenBack(record: RunRecord): number[] {
  return firstGroups(record).map(({ first }) => first);
}

/** `units`: the overlay's; null if the server does not answer, or the run has ended. */
export function waitingRetries(
  record: RunRecord,
  units: readonly WaitingRetry[] | null,
  thrown: ThrownError,
): WaitingRetries {
  if (units === null) return { partitions: 0, first: [] };
  const ofRounds = firstGroups(record).map(({ round, big, at, first, ids, partitions }): WaitingRetry => {
    const { id = null, error = null } = thrown(first) ?? {};
    const named = ids.length === 0 && id !== null ? [id] : ids;
    const attempt = callsBefore({ round, big }) + 1;
    const label = namesLabel(named, partitions) ?? `${partitions} partitions`;
    return { label, partitions, error, ...nextAttempt(record, { attempt, at, error }) };
  });
  return {
    partitions: units.reduce((sum, { partitions }) => sum + partitions, record.waiting.size),
    first: [...units, ...ofRounds].sort(bySoonest).slice(0, MAX_RETRIES),
  };
}

type Due = Pick<WaitingRetry, 'at'>;

function bySoonest(a: Due, b: Due): number {
  return dueMs(a) - dueMs(b);
}

function dueMs({ at }: Due): number {
  return at === null ? Number.MAX_SAFE_INTEGER : Date.parse(at);
}
