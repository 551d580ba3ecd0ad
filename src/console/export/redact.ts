/**
 * A run without its data: keys, messages, names of tables, files and workers are left out; counts, times,
 * types of errors and places in the code stay. Pure. Every field is named here, so that whether a new one is
 * left out is a decision.
 */
import type { CommitResult, ErrorInfo, RunState, UnitView } from '../..';
import type { GroupInfo } from '../wire/types';

const LEFT_OUT = '(left out)';

export function redactState(state: RunState): RunState {
  const { runId, status, counts, reused, reusedRuntimes, runtime, rows, startedAt, endedAt } = state;
  const { snapshotTime, scheduledTime, executions, live, archived, asOf, waiting, retries } = state;
  const { paused, pausedAt, maxConcurrency, toleratedFailures, error, commit, models } = state;
  return {
    runId,
    status,
    counts,
    reused,
    reusedRuntimes,
    runtime,
    rows,
    startedAt,
    endedAt,
    snapshotTime,
    scheduledTime,
    function: state.function,
    functionDigest: null,
    input: null,
    executions,
    live,
    archived,
    asOf,
    error: redactError(error),
    commit: commit === null ? null : commitOf(commit),
    models: models === null ? null : { label: LEFT_OUT, missing: models.missing, firstMissing: [] },
    waiting:
      waiting === null
        ? null
        : { activity: waiting.activity, attempt: waiting.attempt, error: redactError(waiting.error) },
    retries: { partitions: retries.partitions, first: [] },
    paused,
    pausedBy: null,
    pausedAt,
    maxConcurrency,
    toleratedFailures,
  };
}

function commitOf({ version, rows, committedAt }: CommitResult): CommitResult {
  return { version, target: LEFT_OUT, rows, committedAt };
}

/** Workers become numbers. */
export function redactUnits(units: readonly UnitView[]): UnitView[] {
  const workers = [...new Set(units.map(({ worker }) => worker))].filter((worker) => worker !== null);
  return units.map((unit) => ({
    activityId: unit.activityId,
    label: null,
    from: unit.from,
    to: unit.to,
    partitions: unit.partitions,
    round: unit.round,
    big: unit.big,
    status: unit.status,
    scheduledAt: unit.scheduledAt,
    startedAt: unit.startedAt,
    endedAt: unit.endedAt,
    attempts: unit.attempts,
    worker: unit.worker === null ? null : `worker ${workers.indexOf(unit.worker) + 1}`,
    counts: unit.counts,
    error: redactError(unit.error),
  }));
}

export function redactGroup(group: GroupInfo): GroupInfo {
  const { number, type, place, count, firstAt, lastAt, examples } = group;
  return {
    number,
    type,
    // Pattern and cause are messages, of which only what differs is replaced.
    pattern: null,
    place: place === null ? null : { file: insideFile(place.file), line: place.line },
    functionDigest: null,
    count,
    firstAt,
    lastAt,
    failedWith: null,
    examples: examples.map(({ ordinal }) => ({ ordinal, id: null, message: null })),
  };
}

function redactError<T extends ErrorInfo | null>(error: T): T {
  return error === null ? error : ({ type: error.type, message: LEFT_OUT, stack: null } as T);
}

/** Of a file outside the project only the name stays: its folders name the machine and its user. */
function insideFile(file: string): string {
  const isAbsolute = /^(\w+:|[\\/])/.test(file);
  return isAbsolute ? file.split(/[\\/]/).at(-1)! : file;
}
