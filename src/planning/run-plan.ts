/**
 * The plan of a run, from what was opened and pinned: every number that shapes the run is fixed here. Pure.
 */
import { resolve } from 'node:path';
import type { Carried, CarriedContent } from '../core/carried';
import { maxAttempts, planRetry } from '../core/failures/retry-plan';
import { toleratedOf } from '../core/failures/tolerance';
import type { FileRef } from '../core/files';
import type { FunctionSettings, PlannedInput } from '../core/normalized-input';
import type { OpenedRun } from '../core/opened-run';
import type { ModelUse, OutputPlan, RetryPlan, RunPlan, Sharding, Unit } from '../core/plan';
import type { UnitPlan } from '../core/unit-plan';
import { unitQueueOf } from '../core/units/cut-units';
import { joinUpToMs } from '../core/units/joining';
import { encodeOrdinals } from '../core/units/ordinals';
import { retryUnitsPerRound } from '../core/units/retry-units';
import { scheduledFor } from '../input/scheduled-time';
import { functionLimits } from './function-limits';
import { settingsOfFunction } from './opened-run';

/** Time limit for one attempt of a unit if no timeout is set. */
const UNLIMITED_MS = 30 * 86_400_000;
/** Maximum calls of one partition within one attempt: the first, and one for each runner that may be lost. */
const CALLS_PER_ATTEMPT = 4;
/** Grace period before a kill, plus the start of a new runner. */
const CALL_OVERHEAD_MS = 5_000;
/** This many identical failures in a row from the start indicate a mistake, not bad luck. */
const STOP_AFTER_ALIKE = 20;

/** The pinned rows, and which of their partitions are to be run. */
export interface PlannedRows {
  pinned: Pick<
    UnitPlan,
    | 'params'
    | 'model'
    | 'models'
    | 'keyColumns'
    | 'columns'
    | 'index'
    | 'snapshot'
    | 'files'
    | 'filesOn'
    | 'pushDown'
    | 'snapshotTime'
  >;
  /** By ordinal. */
  ids: readonly string[];
  /** By ordinal. */
  rows: readonly number[];
  /** The models that the run predicts with. */
  use: ModelUse | null;
  carried: { carried: Carried; content: CarriedContent } | null;
  /** Ordinals of the partitions to run. */
  selected: readonly number[];
  /** Units of these partitions. */
  units: Unit[];
}

/** Limits that follow from the input and the function's own settings. */
interface RunNumbers {
  options: PlannedInput['options'];
  own: FunctionSettings;
  retry: RetryPlan;
  timeoutMs: number | null;
  memoryBytes: number;
}

export function runNumbers(opened: OpenedRun, { options }: PlannedInput): RunNumbers {
  const own = settingsOfFunction(opened);
  return { options, own, retry: planRetry(options.retry, own.retry), ...functionLimits(options, own) };
}

export function unitPlanOf(
  { runId, generation, function: fn, warehouse, trusted, scheduledTime }: OpenedRun,
  { timeZone }: PlannedInput,
  { options, own, retry, timeoutMs, memoryBytes }: RunNumbers,
  { pinned, carried, selected }: PlannedRows,
): UnitPlan {
  const { params, model, models, keyColumns, columns, index, snapshot, snapshotTime } = pinned;
  const { files, filesOn, pushDown } = pinned;
  return {
    version: 1,
    runId,
    generation,
    function: fn,
    params,
    ...(model !== undefined && { model }),
    ...(models !== undefined && { models }),
    warehouse,
    keyColumns,
    columns,
    index,
    snapshot,
    files,
    ...(filesOn !== undefined && { filesOn }),
    pushDown,
    snapshotTime,
    scheduledTime,
    scheduledDate: scheduledFor(scheduledTime, timeZone)?.date ?? null,
    retry,
    timeoutMs,
    memoryBytes,
    ...(own.gpus !== undefined && { gpus: own.gpus }),
    hasBigTaskQueue: own.bigTaskQueue !== null,
    heartbeatTimeoutMs: options.heartbeatTimeoutMs,
    selected: carried === null ? null : encodeOrdinals(selected),
    earlierCalls: carried?.content.calls ?? {},
    trusted,
  };
}

export function runPlanOf(parts: {
  opened: OpenedRun;
  input: PlannedInput;
  numbers: RunNumbers;
  rows: PlannedRows;
  /** What is on the stage. */
  put: { unitPlan: FileRef; sharding: Sharding | null };
  projectDir: string;
}): RunPlan {
  const { opened, input, numbers, put, projectDir } = parts;
  const { options, own, retry, timeoutMs } = numbers;
  const { runId, generation, execution } = opened;
  const { pinned, rows, use, carried, units } = parts.rows;
  const { index, keyColumns, snapshotTime } = pinned;
  return {
    version: 1,
    runId,
    generation,
    execution,
    function: { name: opened.function.name, digest: opened.function.digest },
    stage: opened.stage,
    unitPlan: put.unitPlan,
    index,
    keyColumns,
    partitions: rows.length,
    rows: rows.reduce((sum, n) => sum + n, 0),
    snapshotTime,
    units: put.sharding === null ? units : [],
    sharding: put.sharding,
    taskQueue: opened.unitTaskQueue,
    bigTaskQueue: own.bigTaskQueue === null ? null : unitQueueOf(own.bigTaskQueue),
    maxConcurrency: options.maxConcurrency,
    toleratedFailures: toleratedOf(options.toleratedFailures, rows.length),
    failFast: options.failFast,
    stopAfterAlike: STOP_AFTER_ALIKE,
    retry,
    heartbeatTimeoutMs: options.heartbeatTimeoutMs,
    unitTimeoutMs: UNLIMITED_MS,
    partitionTimeoutMs: timeoutMs === null ? null : (timeoutMs + CALL_OVERHEAD_MS) * CALLS_PER_ATTEMPT,
    joinUpToMs: joinUpToMs({ units: units.length, partitionsPerUnit: options.partitionsPerUnit }),
    retryUnitsPerRound: retryUnitsPerRound(
      options.maxConcurrency,
      // A second chance on the big task queue takes an additional round.
      maxAttempts(retry) + (own.bigTaskQueue === null ? 0 : 1),
    ),
    output: outputPlan(input, projectDir),
    ...(use !== null && { models: use }),
    carried: carried?.carried ?? null,
  };
}

function outputPlan({ output }: PlannedInput, projectDir: string): OutputPlan | null {
  if (output === null || !('file' in output)) return output;
  return { ...output, file: resolve(projectDir, output.file) };
}
