/**
 * Queries, signals and updates of a run, for Partwise's own client and for Temporal's tools.
 *
 * Updates that can be rejected immediately are rejected by a validator, which leaves no trace in history.
 * Readers of history rely on the answers to updates.
 */
import {
  ApplicationFailure,
  defineQuery,
  defineSignal,
  defineUpdate,
  setHandler,
} from '@temporalio/workflow';
import { given, toleranceProblems } from '../core/live-settings';
import { isPartitionId } from '../core/partition-id';
import { quote } from '../core/quote';
import { problemText } from '../core/refusal';
import type { RunStatus, StatusCounts } from '../core/status';
import { asTolerance, type Tolerance } from '../core/failures/tolerance';
import type { Control } from './control';
import type { Progress } from './progress';
import type { SkipAnswer } from './skips';

/** Answer of the query `progress`. */
export interface ProgressAnswer {
  status: RunStatus;
  paused: boolean;
  /** The effective setting; null until the run is planned. */
  maxConcurrency: number | null;
  toleratedFailures: number | null;
  /** For a run with shards, from their latest reports. */
  counts: StatusCounts & { total: number };
  /** Labels of the units in flight, or of the shards for a run with shards. */
  running: string[];
}

/**
 * Answer of the query `partitions`: the first failures, and what is running. `partwise partitions` lists all
 * partitions.
 */
export interface PartitionsAnswer {
  running: string[];
  failed: { id: string; error: { type: string; message: string } }[];
}

/** Maximum number of partition ids in one update. */
const MAX_SKIPS = 1_000;
/** Maximum total length of the ids: an activity's result repeats some of them (I7). */
const MAX_SKIP_LENGTH = 100_000;

const progressQuery = defineQuery<ProgressAnswer>('progress');
const partitionsQuery = defineQuery<PartitionsAnswer>('partitions');
const pauseSignal = defineSignal('pause');
const unpauseSignal = defineSignal('unpause');
const setConcurrency = defineUpdate<{ version: 1; maxConcurrency: number }, [unknown]>('setConcurrency');
const setTolerance = defineUpdate<{ version: 1; toleratedFailures: Tolerance }, [unknown]>('setTolerance');
const skipUpdate = defineUpdate<SkipAnswer, [unknown]>('skip');

/** The run that messages act on. */
export interface LiveRun {
  readonly control: Control;
  readonly progress: Progress;
  /** Why the run can no longer be changed, as a sentence; null while it can. */
  ending(): string | null;
  /** Null until the run is planned. */
  readonly skip: ((ids: readonly string[]) => Promise<SkipAnswer>) | null;
}

export function handleMessages(run: LiveRun): void {
  const { control, progress } = run;
  const running = (): string[] => [...progress.running].map(({ label }) => label);
  setHandler(progressQuery, () => {
    const inFlight = Math.min(progress.inFlight, progress.counts.PENDING);
    return {
      status: progress.status,
      paused: control.paused,
      maxConcurrency: control.maxConcurrency,
      toleratedFailures: control.toleratedFailures,
      counts: {
        total: progress.total,
        ...progress.counts,
        RUNNING: inFlight,
        PENDING: progress.counts.PENDING - inFlight,
      },
      running: running(),
    };
  });
  setHandler(partitionsQuery, () => ({
    running: running(),
    failed: progress.firstErrors.map(({ id, error: { type, message } }) => ({
      id,
      error: { type, message },
    })),
  }));
  setHandler(pauseSignal, () => control.pause(true));
  setHandler(unpauseSignal, () => control.pause(false));
  setHandler(
    setConcurrency,
    (value) => {
      const maxConcurrency = value as number;
      control.setConcurrency(maxConcurrency);
      return inForce(control, { version: 1, maxConcurrency });
    },
    { validator: (value) => refuse(run, control.concurrencyProblems(value)) },
  );
  setHandler(
    setTolerance,
    (value) => {
      const toleratedFailures = asTolerance(value)!;
      control.setTolerance(toleratedFailures);
      return inForce(control, { version: 1, toleratedFailures });
    },
    { validator: (value) => refuse(run, toleranceProblems(value)) },
  );
  setHandler(skipUpdate, (ids) => run.skip!(ids as string[]), {
    validator: (ids) => refuse(run, skipProblems(ids, run.skip !== null)),
  });
}

/** The answer to a change once all shards have it, or immediately if there are no shards. */
function inForce<T>({ passedOn }: Control, answer: T): T | Promise<T> {
  return passedOn === null ? answer : passedOn().then(() => answer);
}

function refuse(run: LiveRun, problems: readonly string[]): void {
  const ending = run.ending();
  const all = ending === null ? problems : [ending];
  // enforces I9
  if (all.length > 0) throw ApplicationFailure.nonRetryable(problemText(all), 'UpdateRefused');
}

function skipProblems(ids: unknown, planned: boolean): string[] {
  if (!Array.isArray(ids) || ids.length === 0)
    return [`"skip" is ${given(ids)}; it takes a list of partition ids, such as ["North"].`];
  if (!planned) return ['The run has no partitions yet: it is still being planned. Skip them once it is.'];
  if (
    ids.length > MAX_SKIPS ||
    ids.reduce<number>((sum, id) => sum + String(id).length, 0) > MAX_SKIP_LENGTH
  ) {
    return [
      `${ids.length} partition ids are too many for one update: skip at most ${MAX_SKIPS} at a time, of ${MAX_SKIP_LENGTH} characters in total.`,
    ];
  }
  return ids
    .filter((id) => typeof id !== 'string' || !isPartitionId(id))
    .map(
      (id) =>
        `${quote(id)} is not a partition id: ids are percent-encoded text, as partwise partitions prints them.`,
    );
}
