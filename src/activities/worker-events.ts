/** What a worker reports about the runs that it works on. */
import type { ErrorInfo } from '../core/outcome';
import type { FailureStatus, RunStatus, StatusCounts } from '../core/status';

/** An event of a run, on the worker that has just recorded it. */
export type WorkerEvent =
  /** The run has been planned, and its partitions are about to start. */
  | { type: 'runStarted'; runId: string; function: string; partitions: number; rows: number }
  /** A partition failed and is not called again. `partition` is its id. */
  | {
      type: 'partitionFailed';
      runId: string;
      partition: string | null;
      status: FailureStatus;
      attempts: number;
      error: ErrorInfo;
    }
  /** The run has ended. `counts` is null if it ended before it was planned. */
  | {
      type: 'runEnded';
      runId: string;
      status: RunStatus;
      counts: (StatusCounts & { total: number }) | null;
      error: Pick<ErrorInfo, 'type' | 'message'> | null;
    };

export type OnWorkerEvent = (event: WorkerEvent) => void;
