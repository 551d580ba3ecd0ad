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
import type { UnitPlace, RunWork } from './units';
import type { RunActivities } from '../core/workflow';

/** Answer of the update `skip`; readers of history use it to find out what was skipped. */
export interface SkipAnswer {
  version: 1;
  /** Ordinals (`"3,7-9"`). */
  skipped: string;
  /** How many of them were running and have an outcome that records them as cut off. */
  cutOff: number;
  /** Partitions that ended just before they could be skipped. */
  tooLate: { id: string; status: FinalStatus }[];
}

/** Throws `UpdateRefused` with the problems. */
export async function skipPartitions(
  ids: readonly string[],
  plan: RunPlan,
  opened: OpenedRun,
  work: RunWork,
): Promise<SkipAnswer> {
  const wanted = [...new Set(ids)];
  const { ordinals, places } = await findOrdinals(wanted, plan, opened, work);
  const problems = work.closed
    ? ['The run is ending.']
    : wanted.flatMap((id, i) => problemOf(id, places[i]!) ?? []);
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
    tooLate: wanted.flatMap((id, i) => {
      const { status } = skipped[i]!;
      return status === 'SKIPPED' ? [] : [{ id, status }];
    }),
  };
}

/** Refuses unknown and ended partitions; holds the others. */
async function findOrdinals(
  ids: string[],
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
    const task = { version: 1, stage, stageToken: opened.stageToken, plan: unitPlan, index, ids } as const;
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
    const { ordinals } = found;
    const held = work.hold(ordinals);
    // Without shards, nothing may happen between the check and the skip.
    const places = Array.isArray(held) ? held : await held;
    // A partition that ended after history was read is in history the next time.
    if (asked === 2 || work.closed || places.every(({ type }) => type !== 'gone'))
      return { ordinals, places };
    work.release();
  }
}

function problemOf(id: string, place: UnitPlace): string | null {
  if (place.type === 'gone') return `${quote(partitionName(id))} is already skipped, or has just ended.`;
  if (place.type === 'waiting' || place.isSingle) return null;
  return `${quote(partitionName(id))} is in a batch that is being processed (${place.label}): partitions of a batch in flight cannot be skipped.`;
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
