/**
 * Skips partitions of a running run: all of the requested ones, or none, with a sentence for each that cannot
 * be skipped.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  proxyActivities,
  uuid4,
} from '@temporalio/workflow';
import { encodeOrdinals } from '../core/units/ordinals';
import { notAResult } from '../core/answers/not-a-result';
import type { OpenedRun } from '../core/opened-run';
import type { RunPlan } from '../core/plan';
import { asFoundPartitions } from '../core/answers/step-results';
import type { FinalStatus } from '../core/outcome';
import { partitionName } from '../core/partition-name';
import { quote } from '../core/quote';
import { problemText } from '../core/refusal';
import { inBatch, isGone, selectedOrdinals, type SkipSelection } from '../core/skip-selection';
import type { UnitPlace, RunWork } from './units';
import type { FindTask } from '../core/tasks';
import type { RunActivities } from '../core/workflow';

/** Answer of the update `skip`; readers of history use it to find out what was skipped. */
export interface SkipAnswer {
  version: 1;
  /** Ordinals (`"3,7-9"`). */
  skipped: string;
  /** How many of them were running and have an outcome that records them as cut off. */
  cutOff: number;
  /** Partitions that ended just before they could be skipped. `id` is null if they were given by number. */
  tooLate: { id: string | null; ordinal: number; status: FinalStatus }[];
}

/** Throws `UpdateRefused` with the problems. */
export async function skipPartitions(
  selection: SkipSelection,
  plan: RunPlan,
  opened: OpenedRun,
  work: RunWork,
): Promise<SkipAnswer> {
  const given = selectedOrdinals(selection);
  const ids = given === null ? [...new Set(selection as readonly string[])] : [];
  const { ordinals, places } = await findOrdinals({ ids, given }, plan, opened, work);
  const idOf = (i: number): string | null => ids[i] ?? null;
  const problems = work.closed
    ? ['The run is ending.']
    : ordinals.flatMap((ordinal, i) => problemOf({ id: idOf(i), ordinal }, places[i]!) ?? []);
  if (problems.length > 0) {
    work.release();
    throw refused(problems);
  }
  const skipped = await work.skip(ordinals);
  const done = ordinals.filter((_, i) => skipped[i]!.status === 'SKIPPED');
  return {
    version: 1,
    skipped: encodeOrdinals(done.sort((a, b) => a - b)),
    cutOff: skipped.filter(({ cutOff }) => cutOff).length,
    tooLate: ordinals.flatMap((ordinal, i) => {
      const { status } = skipped[i]!;
      return status === 'SKIPPED' ? [] : [{ id: idOf(i), ordinal, status }];
    }),
  };
}

/** Refuses unknown and ended partitions; holds the others. `given` is null if they are selected by id. */
async function findOrdinals(
  { ids, given }: { ids: string[]; given: number[] | null },
  plan: RunPlan,
  opened: OpenedRun,
  work: RunWork,
): Promise<{ ordinals: number[]; places: UnitPlace[] }> {
  const { findPartitions } = proxyActivities<RunActivities>({
    startToCloseTimeout: '5 minutes',
    heartbeatTimeout: opened.heartbeatTimeoutMs,
    retry: { maximumAttempts: 3 },
  });
  const { stage, unitPlan, index } = plan;
  for (let asked = 1; ; asked++) {
    const task: FindTask = {
      version: 1,
      stage,
      stageToken: opened.stageToken,
      plan: unitPlan,
      index,
      ids,
      ...(given !== null && { ordinals: encodeOrdinals(given) }),
    };
    const answer: unknown = await findPartitions
      // Ids assigned by Temporal are numbers, like those of units, and open activities must not share an id.
      .executeWithOptions({ activityId: `find-${uuid4()}` }, [task])
      .catch((error: unknown) => {
        throw refused([messageOf(error)]);
      });
    const found = asFoundPartitions(answer, { ids: ids.length, partitions: plan.partitions });
    if (found === null) throw refused([notAResult('findPartitions').message]);
    if (found.ended.length > 0) {
      throw refused(
        found.ended.map(
          ({ id, status }) => `${quote(partitionName(id))} has already ended: it is ${status}.`,
        ),
      );
    }
    const ordinals = given ?? found.ordinals;
    const held = work.hold(ordinals);
    // Without shards, nothing may happen between the check and the skip.
    const places = Array.isArray(held) ? held : await held;
    // A partition that ended after history was read is in history the next time.
    if (asked === 2 || work.closed || places.every(({ type }) => type !== 'gone'))
      return { ordinals, places };
    work.release();
  }
}

function problemOf(partition: { id: string | null; ordinal: number }, place: UnitPlace): string | null {
  if (place.type === 'gone') return isGone(partition);
  if (place.type === 'waiting' || place.isSingle) return null;
  return inBatch(partition, place.label);
}

function messageOf(error: unknown): string {
  if (isCancellation(error)) return 'The run is being cancelled.';
  const cause = error instanceof ActivityFailure ? error.cause : error;
  return cause instanceof Error ? cause.message : String(error);
}

function refused(problems: readonly string[]): ApplicationFailure {
  const text = problemText(problems);
  const gap = text.startsWith('- ') ? '\n' : ' ';
  return ApplicationFailure.nonRetryable(`Nothing was skipped.${gap}${text}`, 'UpdateRefused');
}
