/**
 * Statuses of runs and partitions, and how a run's status follows from those of its partitions. The names are
 * those of DPF and are spelled the same everywhere in Partwise.
 */

export const RUN_STATUSES = ['IN_PROGRESS', 'SUCCESS', 'PARTIAL_FAILURE', 'FAILURE', 'CANCELLED'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/**
 * `FAILED`: the function threw. `INTERNAL_ERROR`: it ran out of memory, was killed, timed out or lost its
 * worker. `SKIPPED`: by policy or by hand.
 */
export const PARTITION_STATUSES = [
  'PENDING',
  'RUNNING',
  'DONE',
  'FAILED',
  'CANCELLED',
  'INTERNAL_ERROR',
  'SKIPPED',
] as const;
export type PartitionStatus = (typeof PARTITION_STATUSES)[number];

/** Statuses of failed partitions. */
export const FAILURE_STATUSES = ['FAILED', 'INTERNAL_ERROR'] as const satisfies readonly PartitionStatus[];
export type FailureStatus = (typeof FAILURE_STATUSES)[number];

export function isFailure(status: PartitionStatus): status is FailureStatus {
  return (FAILURE_STATUSES as readonly PartitionStatus[]).includes(status);
}

/** Number of failed partitions. */
export function failed(counts: Readonly<Record<FailureStatus, number>>): number {
  return FAILURE_STATUSES.reduce((sum, status) => sum + counts[status], 0);
}

/** Whether the run was refused, or failed otherwise, before any partition was started. */
export function wasRefused(state: { status: RunStatus; snapshotTime: string | null }): boolean {
  return state.status === 'FAILURE' && state.snapshotTime === null;
}

/** Number of partitions with each status; the values add up to the number of partitions. */
export type StatusCounts = Record<PartitionStatus, number>;

/** All zero. */
export function noCounts(): StatusCounts {
  return { PENDING: 0, RUNNING: 0, DONE: 0, FAILED: 0, CANCELLED: 0, INTERNAL_ERROR: 0, SKIPPED: 0 };
}

/**
 * The status of a run whose partitions have all ended: all DONE or SKIPPED is `SUCCESS`; none DONE is
 * `FAILURE`, whatever the tolerance; anything else is `PARTIAL_FAILURE`.
 */
export function settledStatus(counts: StatusCounts): RunStatus {
  if (unsuccessful(counts) === 0) return 'SUCCESS';
  return counts.DONE === 0 ? 'FAILURE' : 'PARTIAL_FAILURE';
}

/** Whether the run's Temporal workflow completes (true) or closes as failed (false): I8. */
export function withinTolerance(counts: StatusCounts, toleratedFailures: number): boolean {
  const status = settledStatus(counts);
  return status === 'SUCCESS' || (status === 'PARTIAL_FAILURE' && unsuccessful(counts) <= toleratedFailures);
}

/** Partitions of a settled run that are neither done nor skipped, for whatever reason (I8). */
function unsuccessful(counts: StatusCounts): number {
  const { CANCELLED, PENDING, RUNNING } = counts;
  return failed(counts) + CANCELLED + PENDING + RUNNING;
}
