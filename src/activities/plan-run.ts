/** Pins the rows of a run and fixes every number that shapes it. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Context } from '@temporalio/activity';
import { parseDuration } from '../run/duration';
import type { FileRef } from '../run/files';
import type { RetryOptions } from '../functions/types';
import { parseRunInput, type NormalizedInput, type NormalizedRetry } from '../run/parse-input';
import type { OpenedRun, OutputPlan, PlanTask, RetryPlan, RunPlan, UnitPlan } from '../run/plan';
import { Refusal } from '../run/refusal';
import { scheduledFor } from '../run/scheduled-time';
import { planFolder } from '../run/stage-layout';
import { retryUnitsPerRound } from '../run/retry-units';
import { toleratedOf } from '../run/tolerance';
import { cutUnits } from '../run/units';
import type { Stage } from '../stage';
import { openWarehouse } from '../warehouse';
import type { Snapshot } from '../warehouse/warehouse';
import type { ActivityDeps } from './deps';
import { refusing } from './failures';
import { functionLimits, optional } from './function-limits';
import { withHeartbeats } from './heartbeat';
import { openPlannedStage } from './stage-access';

/** Longest time of one unit's attempt when no time-out was asked for. */
const UNLIMITED_MS = 30 * 86_400_000;
/** Calls of one partition within one attempt: the first, and one per runner it may cost. */
const CALLS_PER_ATTEMPT = 4;
/** Grace before a kill, and the start of a new runner. */
const CALL_OVERHEAD_MS = 5_000;
/** So many failures of one kind in a row from the start are a mistake, not bad luck. */
const STOP_AFTER_ALIKE = 20;

export function planRun(deps: ActivityDeps, { opened, input: raw }: PlanTask): Promise<RunPlan> {
  const context = Context.current();
  return withHeartbeats(context, () =>
    refusing(async () => {
      const parsed = parseRunInput(raw);
      if (!parsed.ok) throw new Refusal('InvalidInput', parsed.problems);
      const { input } = parsed;
      const stage = await openPlannedStage(opened.stage, opened.stageToken);
      await mkdir(deps.scratch, { recursive: true });
      const folder = await mkdtemp(join(deps.scratch, 'plan-'));
      try {
        const snapshotTime = new Date().toISOString();
        const snapshot = await openWarehouse(opened.warehouse, deps.projectDir).snapshot({
          source: input.source,
          partitionBy: input.partitionBy,
          where: input.where,
          scheduled: scheduledFor(opened.scheduledTime, input.timeZone),
          only: input.only,
          maxPartitions: input.options.maxPartitions,
          folder,
          signal: context.cancellationSignal,
        });
        const attempt = `e${opened.execution}a${context.info.attempt}`;
        return await putPlan({
          stage,
          opened,
          input,
          snapshot,
          snapshotTime,
          attempt,
          projectDir: deps.projectDir,
        });
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }),
  );
}

interface PlanParts {
  stage: Stage;
  opened: OpenedRun;
  input: NormalizedInput;
  snapshot: Snapshot;
  snapshotTime: string;
  attempt: string;
  projectDir: string;
}

async function putPlan({
  stage,
  opened,
  input,
  snapshot,
  snapshotTime,
  attempt,
  projectDir,
}: PlanParts): Promise<RunPlan> {
  const folder = planFolder(opened, attempt);
  const index = await stage.put(`${folder}index.parquet`, { file: snapshot.index });
  const data: FileRef[] = [];
  for (const [i, file] of snapshot.data.entries())
    data.push(await stage.put(`${folder}snapshot-${i}.parquet`, { file }));
  const { options } = input;
  const { runId, generation, execution } = opened;
  const retry = retryPlan(options.retry, opened.functionSettings.retry);
  const { timeoutMs, memoryBytes } = functionLimits(options, opened.functionSettings);
  const unitPlan: UnitPlan = {
    version: 1,
    runId,
    generation,
    function: opened.function,
    params: input.params,
    warehouse: opened.warehouse,
    keyColumns: snapshot.keyColumns,
    columns: snapshot.columns,
    index,
    snapshot: data,
    files: snapshot.files,
    snapshotTime,
    scheduledTime: opened.scheduledTime,
    retry,
    timeoutMs,
    memoryBytes,
    heartbeatTimeoutMs: options.heartbeatTimeoutMs,
    selected: null,
    earlierCalls: {},
  };
  const units = cutUnits({
    rows: snapshot.rows,
    id: (ordinal) => snapshot.ids[ordinal]!,
    maxConcurrency: options.maxConcurrency,
    partitionsPerUnit: options.partitionsPerUnit,
  });
  return {
    version: 1,
    runId,
    generation,
    execution,
    function: { name: opened.function.name, digest: opened.function.digest },
    stage: opened.stage,
    unitPlan: await stage.put(`${folder}unit-plan.json`, Buffer.from(JSON.stringify(unitPlan))),
    index,
    snapshot: data,
    keyColumns: snapshot.keyColumns,
    partitions: snapshot.rows.length,
    rows: snapshot.rows.reduce((sum, rows) => sum + rows, 0),
    snapshotTime,
    units,
    taskQueue: opened.unitTaskQueue,
    maxConcurrency: options.maxConcurrency,
    toleratedFailures: toleratedOf(options.toleratedFailures, snapshot.rows.length),
    failFast: options.failFast,
    stopAfterAlike: STOP_AFTER_ALIKE,
    retry,
    heartbeatTimeoutMs: options.heartbeatTimeoutMs,
    unitTimeoutMs: UNLIMITED_MS,
    partitionTimeoutMs: timeoutMs === null ? null : (timeoutMs + CALL_OVERHEAD_MS) * CALLS_PER_ATTEMPT,
    retryUnitsPerRound: retryUnitsPerRound(options.maxConcurrency, retry.maximumAttempts),
    output: outputPlan(input, projectDir),
  };
}

/** The run's settings win over the function's, and both over the defaults. */
function retryPlan(run: NormalizedRetry, own: RetryOptions | undefined): RetryPlan {
  const initialIntervalMs = run.initialIntervalMs ?? optional(own?.initialInterval, parseDuration) ?? 1_000;
  return {
    maximumAttempts: run.maximumAttempts ?? own?.maximumAttempts ?? 3,
    initialIntervalMs,
    backoffCoefficient: run.backoffCoefficient ?? own?.backoffCoefficient ?? 2,
    // Temporal refuses a maximum below the initial interval, which the run and the function may make between them.
    maximumIntervalMs: Math.max(
      initialIntervalMs,
      run.maximumIntervalMs ?? optional(own?.maximumInterval, parseDuration) ?? 100 * initialIntervalMs,
    ),
    nonRetryableErrorTypes: run.nonRetryableErrorTypes ?? own?.nonRetryableErrorTypes ?? [],
  };
}

function outputPlan({ output }: NormalizedInput, projectDir: string): OutputPlan | null {
  if (output === null || 'table' in output) return output;
  return { ...output, file: resolve(projectDir, output.file) };
}
