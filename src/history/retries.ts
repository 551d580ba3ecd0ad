/** What waits for its next attempt. Never part of a run's final state (I2). */
import { maxCalls } from '../core/failures/budgets';
import type { ErrorInfo } from '../core/outcome';
import { namesLabel } from '../core/units/labels';
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

/** When partitions of batches are retried: once the run's own wait is over; null while it has not begun. */
export function roundAt({ waits, open }: RunRecord): string | null {
  return open.size > 0 ? null : ([...waits.values()].at(-1) ?? null);
}

/** The partitions that batches gave back, in groups that are retried alike. */
function groupsOf({ waiting }: RunRecord): Group[] {
  const groups = new Map<string, Group>();
  for (const [ordinal, { round, big, id }] of waiting) {
    const key = `${round} ${big}`;
    const group = groups.get(key) ?? { round, big, first: ordinal, ids: [], partitions: 0 };
    groups.set(key, group);
    group.partitions++;
    if (id !== undefined && group.ids.length < MAX_NAMED) group.ids.push(id);
  }
  return [...groups.values()];
}

/** Ordinals whose last failures `waitingRetries` asks for. */
export function firstGivenBack(record: RunRecord): number[] {
  return groupsOf(record).map(({ first }) => first);
}

/** `units`: the overlay's; null if the server does not answer, or the run has ended. */
export function waitingRetries(
  record: RunRecord,
  units: readonly WaitingRetry[] | null,
  thrown: ThrownError,
): WaitingRetries {
  if (units === null) return { partitions: 0, first: [] };
  const retries = [...units];
  for (const { round, big, first, ids, partitions } of groupsOf(record)) {
    const { id = null, error = null } = thrown(first) ?? {};
    const named = ids.length === 0 && id !== null ? [id] : ids;
    const attempt = callsBefore({ round, big }) + 1;
    retries.push({
      label: namesLabel(named, partitions) ?? `${partitions} partitions`,
      partitions,
      error,
      ...nextAttempt(record, { attempt, at: roundAt(record), error }),
    });
  }
  return {
    partitions: retries.reduce((sum, { partitions }) => sum + partitions, 0),
    first: retries.sort(bySoonest).slice(0, MAX_RETRIES),
  };
}

function bySoonest(a: WaitingRetry, b: WaitingRetry): number {
  return dueMs(a) - dueMs(b);
}

function dueMs({ at }: WaitingRetry): number {
  return at === null ? Number.MAX_SAFE_INTEGER : Date.parse(at);
}
