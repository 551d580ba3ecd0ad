/** Skipping partitions while a run is under way: all of those asked for, or none and a sentence for each that cannot be. */
import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  proxyActivities,
  uuid4,
} from '@temporalio/workflow';
import type { RunActivities } from '../activities';
import { encodeOrdinals } from '../run/ordinals';
import type { OpenedRun, RunPlan } from '../run/plan';
import type { FinalStatus } from '../run/outcome';
import { quote } from '../run/quote';
import { problemText } from '../run/refusal';
import type { RunUnits } from './units';

/** Answer of the update `skip`, from which readers of history know what was skipped. */
export interface SkipAnswer {
  version: 1;
  /** Ordinals (`"3,7-9"`). */
  skipped: string;
  /** How many of them ran, and have an outcome that says they were cut off. */
  cutOff: number;
  /** Partitions that ended just before they could be. */
  tooLate: { id: string; status: FinalStatus }[];
}

/** Throws an `UpdateRefused` with the problems. */
export async function skipPartitions(
  ids: readonly string[],
  plan: RunPlan,
  opened: OpenedRun,
  units: RunUnits,
): Promise<SkipAnswer> {
  const wanted = [...new Set(ids)];
  const ordinals = await findOrdinals(wanted, plan, opened, units);
  if (units.closed) throw refused(['The run is ending.']);
  const problems = wanted.flatMap((id, i) => problemOf(id, units, ordinals[i]!) ?? []);
  if (problems.length > 0) throw refused(problems);
  const skipped = await Promise.all(ordinals.map((ordinal) => units.skip(ordinal)));
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

/** Refuses what is unknown and what has ended. */
async function findOrdinals(
  ids: string[],
  plan: RunPlan,
  opened: OpenedRun,
  units: RunUnits,
): Promise<number[]> {
  const { findPartitions } = proxyActivities<RunActivities>({
    startToCloseTimeout: '5 minutes',
    heartbeatTimeout: opened.heartbeatTimeoutMs,
    retry: { maximumAttempts: 3 },
  });
  const { stage, unitPlan, index } = plan;
  for (let asked = 1; ; asked++) {
    const task = { version: 1, stage, stageToken: opened.stageToken, plan: unitPlan, index, ids } as const;
    const found = await findPartitions
      // Ids that Temporal gives are numbers, as those of units are: two open activities of one id are none.
      .executeWithOptions({ activityId: `find-${uuid4()}` }, [task])
      .catch((error: unknown) => {
        throw refused([messageOf(error)]);
      });
    if (found.ended.length > 0) {
      throw refused(found.ended.map(({ id, status }) => `${quote(id)} has ended already: it is ${status}.`));
    }
    // One that ended after history was read has its end in history the next time.
    if (asked === 2 || found.ordinals.every((ordinal) => units.place(ordinal).type !== 'gone'))
      return found.ordinals;
  }
}

function problemOf(id: string, units: RunUnits, ordinal: number): string | null {
  const place = units.place(ordinal);
  if (place.type === 'gone') return `${quote(id)} is skipped already, or has just ended.`;
  if (place.type === 'waiting' || place.isSingle) return null;
  return `${quote(id)} is in a batch that is being processed (${place.label}): partitions of a batch in flight cannot be skipped.`;
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
