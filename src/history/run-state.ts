/**
 * A record (plus, for a running run, the live overlay) → the state that readers get.
 *
 * | the workflow | status |
 * | --- | --- |
 * | is open | IN_PROGRESS |
 * | completed, or failed with the counts: all DONE or SKIPPED | SUCCESS |
 * | … none DONE | FAILURE |
 * | … anything else | PARTIAL_FAILURE |
 * | was cancelled | CANCELLED |
 * | was terminated, timed out, or failed in any other way | FAILURE, with `error.type` |
 *
 * Partitions that had not ended when the run closed are CANCELLED if the run was cancelled; SKIPPED if it was
 * stopped, except those that threw and were waiting for a retry, which are FAILED; otherwise (terminated,
 * timed out) they stay PENDING: a continuation would start with them.
 */
import { splitReference } from '../core/function-reference';
import type { ErrorInfo } from '../core/outcome';
import { isSameRuntime, type Runtime } from '../core/runtime';
import {
  noCounts,
  PARTITION_STATUSES,
  settledStatus,
  type PartitionStatus,
  type RunStatus,
  type StatusCounts,
} from '../core/status';
import { toleratedOf } from '../core/failures/tolerance';
import type { RunRecord } from './fold';
import type { LiveOverlay } from './overlay';
import type { ProcessedInput, RunState } from './state';

/** Failure types of a run whose partitions have all ended, where the counts explain the failure. */
const SETTLED_FAILURES = ['PartialFailure', 'RunFailed'];

/** `asOf`: ISO 8601 UTC. */
export function runState(
  record: RunRecord,
  runId: string,
  asOf: string,
  overlay: LiveOverlay | null,
): Omit<RunState, 'archived' | 'retries'> {
  const status = runStatus(record);
  const startedAt = record.startedAt ?? asOf;
  const endedAt = record.closed?.at ?? null;
  const paused = record.closed === null && record.pause.asked;
  return {
    runId,
    status,
    counts: counts(record, overlay),
    reused: record.plan?.carried?.reused ?? 0,
    reusedRuntimes: reusedRuntimes(record),
    runtime: record.opened?.function.runtime ?? null,
    rows: record.plan?.rows ?? null,
    startedAt,
    endedAt,
    snapshotTime: record.plan?.snapshotTime ?? null,
    scheduledTime: record.opened?.scheduledTime ?? null,
    function: functionName(record),
    functionDigest: record.opened?.function.digest ?? null,
    input: processedInput(record),
    executions: [
      ...(record.opened?.earlier ?? []),
      {
        workflowRunId: record.workflowRunId,
        generation: record.opened?.generation ?? null,
        execution: record.opened?.execution ?? null,
        startedAt,
        endedAt,
        status,
      },
    ],
    live: overlay !== null,
    asOf: overlay?.asOf ?? asOf,
    error: record.closed?.error ?? (endedEarly(record) ? ENDED_EARLY : null),
    commit: record.commit ?? record.opened?.continues?.commit ?? null,
    models: record.plan?.models ?? null,
    waiting: overlay?.step ?? null,
    paused,
    pausedBy: paused ? record.pause.by : null,
    pausedAt: paused ? record.pause.at : null,
    maxConcurrency: record.maxConcurrency ?? record.plan?.maxConcurrency ?? null,
    toleratedFailures: toleratedFailures(record),
  };
}

function processedInput({ opened }: RunRecord): ProcessedInput | null {
  if (opened?.normalized === undefined) return null;
  const { source, partitionBy, where, params } = opened.normalized;
  return { source, partitionBy, where, params, sql: opened.function.sql };
}

function reusedRuntimes({ plan, opened }: RunRecord): Runtime[] {
  const own = opened?.function.runtime;
  return (plan?.carried?.runtimes ?? []).filter((other) => own === undefined || !isSameRuntime(other, own));
}

const ENDED_EARLY: ErrorInfo = {
  type: 'NotTrusted',
  message:
    'The workflow was completed before its partitions had ended, which no Partwise worker does: something else completed it. Finish the run with partwise retry.',
  stack: null,
};

/**
 * Whether the workflow was completed in a state in which Partwise's workers never complete it, because
 * another program answered its tasks. Partitions that have not ended count as failures anyway.
 */
function endedEarly(record: RunRecord): boolean {
  if (record.closed?.kind !== 'completed') return false;
  return record.plan === null || wasStopped(record);
}

/** enforces I8: the only place where a run's status is decided. */
function runStatus(record: RunRecord): RunStatus {
  const { closed, plan, failedStep } = record;
  if (closed === null) return 'IN_PROGRESS';
  const ended = counts(record, null);
  switch (closed.kind) {
    case 'cancelled':
      return 'CANCELLED';
    case 'completed':
      return endedEarly(record) ? 'FAILURE' : settledStatus(ended);
    case 'failed': {
      const settled =
        plan !== null && failedStep === null && SETTLED_FAILURES.includes(closed.error?.type ?? '');
      return settled ? settledStatus(ended) : 'FAILURE';
    }
    case 'terminated':
    case 'timedOut':
      return 'FAILURE';
  }
}

/** The status of a partition without an outcome. */
export function statusOfUnended(record: RunRecord, ordinal: number): PartitionStatus {
  if (record.skipped.has(ordinal)) return 'SKIPPED';
  if (wasStopped(record)) return record.waiting.get(ordinal)?.otherwise ?? 'SKIPPED';
  return record.closed?.kind === 'cancelled' ? 'CANCELLED' : 'PENDING';
}

/** Whether the run stopped itself before all partitions were started. */
export function wasStopped({ closed }: RunRecord): boolean {
  return closed?.summary?.stopped != null;
}

/** Number of ended partitions, by status, including those taken over. */
function endedCounts({ ended, plan }: RunRecord): StatusCounts {
  const carried = plan?.carried?.counts ?? noCounts();
  return Object.fromEntries(
    PARTITION_STATUSES.map((status) => [status, ended[status] + carried[status]]),
  ) as StatusCounts;
}

function counts(record: RunRecord, overlay: LiveOverlay | null): StatusCounts & { total: number } {
  const total = record.plan?.partitions ?? 0;
  const counted = endedCounts(record);
  for (const { outcome } of overlay?.ended.values() ?? []) counted[outcome.status]++;
  const left = Math.max(0, total - PARTITION_STATUSES.reduce((sum, status) => sum + counted[status], 0));
  const running = Math.min(overlay?.running.size ?? 0, left);
  counted.RUNNING += running;
  if (wasStopped(record)) {
    for (const { otherwise } of record.waiting.values()) counted[otherwise]++;
    counted.SKIPPED += left - record.waiting.size;
  } else counted[record.closed?.kind === 'cancelled' ? 'CANCELLED' : 'PENDING'] += left - running;
  return { total, ...counted };
}

function toleratedFailures({ plan, tolerance }: RunRecord): number | null {
  if (plan === null) return null;
  return tolerance === null ? plan.toleratedFailures : toleratedOf(tolerance, plan.partitions);
}

/** Until the run is planned, the function in the input. */
function functionName({ plan, opened, input }: RunRecord): string | null {
  const planned = plan?.function.name ?? opened?.function.name;
  if (planned !== undefined) return planned;
  return functionOfInput(input);
}

/** The function in a run's argument, which may be any value. */
export function functionOfInput(input: unknown): string | null {
  if (typeof input !== 'object' || input === null || !('function' in input)) return null;
  if (typeof input.function !== 'string') return null;
  return splitReference(input.function)?.name ?? input.function;
}
