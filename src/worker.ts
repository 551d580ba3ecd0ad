/**
 * `partwise/worker`: the process that executes runs.
 *
 * @example
 * import { startWorker } from 'partwise/worker';
 * const worker = await startWorker({ projectDir: '/app' });
 * process.once('SIGTERM', () => worker.shutdown());
 * await worker.ended;
 */
export {
  startWorker,
  type StartWorkerOptions,
  type WorkerPart,
  type WorkerServer,
  type SdkOptions,
  type PartwiseWorker,
} from './worker/start-worker';
export type { OnWorkerEvent, WorkerEvent } from './activities/worker-events';
export type { ErrorInfo } from './core/outcome';
export {
  FAILURE_STATUSES,
  PARTITION_STATUSES,
  RUN_STATUSES,
  type FailureStatus,
  type PartitionStatus,
  type RunStatus,
  type StatusCounts,
} from './core/status';
export { readHistory, type RunHistory } from './reader/histories/histories';
export type { HistoryEvent } from './history/events';
export { replayRuns, type ReplayOptions, type ReplayReport } from './worker/replay';
export type { Divergence } from './worker/divergence';
