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
import { toleranceProblems } from '../core/live-settings';
import type { RunPlan } from '../core/plan';
import { problemText } from '../core/refusal';
import { skipProblems, type SkipSelection } from '../core/skip-selection';
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
  /** Null until the run is planned, as is `skip`. */
  readonly plan: RunPlan | null;
  readonly skip: ((selection: SkipSelection) => Promise<SkipAnswer>) | null;
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
  setHandler(skipUpdate, (selection) => run.skip!(selection as SkipSelection), {
    validator: (selection) => refuse(run, skipProblems(selection, run.plan)),
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
