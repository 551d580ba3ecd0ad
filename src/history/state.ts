/** The state of a run, as returned to readers and printed by `--json`. Stable from the first release. */
import type { Step } from './facts';
import type { ErrorInfo } from '../core/outcome';
import type { Source } from '../core/input';
import type { ModelUse } from '../core/plan';
import type { CommitResult } from '../core/tasks';
import type { Runtime } from '../core/runtime';
import type { RunStatus, StatusCounts } from '../core/status';

/** One start of the run's workflow id. Times are ISO 8601 UTC. */
export interface ExecutionView {
  workflowRunId: string;
  /** The snapshot that it runs on; 2 after the first overwrite. Null until it is accepted. */
  generation: number | null;
  /** Its number within the run, counted across all generations. Null until it is accepted. */
  execution: number | null;
  startedAt: string;
  endedAt: string | null;
  status: RunStatus;
}

/**
 * A step of the run itself (opening, planning, the commit) that failed and is being retried automatically.
 */
export interface WaitingStep {
  /** `processUnit`: units are waiting for the stage, because they cannot store their outcomes there. */
  activity: Step | 'processUnit';
  /** Number of the next or current attempt: 2 after the first failure. */
  attempt: number;
  /** The error of the previous attempt. */
  error: ErrorInfo;
}

/** The next attempt of a partition whose last one failed. */
export interface NextAttempt {
  /** Its number within the execution: 2 after the first failure. */
  attempt: number;
  /** How many attempts there are if all end like the last one; null if that cannot be said. */
  maximumAttempts: number | null;
  /**
   * When it is due, ISO 8601 UTC. Null while that is open: a paused run starts no attempt, and partitions of
   * batches are retried when the other units have ended (with shards, at a time that is not shown).
   */
  at: string | null;
}

/** What waits for its next attempt: a partition, a batch, or partitions that batches gave back. */
export interface WaitingRetry extends NextAttempt {
  /** The partition's id; for several, a label: `first … last`, or `New York, Boston and 3 more`. */
  label: string;
  partitions: number;
  /** The error of the last attempt, of several partitions the first one's; null if it cannot be read. */
  error: ErrorInfo | null;
}

/** Partitions whose last attempt failed, and whose next one has not begun. */
export interface WaitingRetries {
  partitions: number;
  /** The next ones, soonest first; at most 20. */
  first: WaitingRetry[];
}

/** What a run processes. Changes by its latest retry are included. */
export interface ProcessedInput {
  source: Source;
  /** Empty if each file is a partition. */
  partitionBy: string[];
  where: string | null;
  params: Record<string, unknown>;
  /** The query of the built-in function `sql`; null for other functions. */
  sql: string | null;
}

/** State of a run. */
export interface RunState {
  runId: string;
  status: RunStatus;
  counts: StatusCounts & { total: number };
  /**
   * Number of DONE partitions that were taken over from an earlier run of the series instead of being run.
   */
  reused: number;
  /** What those partitions ran on, if their function is in Python and it is not `runtime`. */
  reusedRuntimes: Runtime[];
  /** What the run's function, if it is in Python, runs on, on the worker that planned the run. */
  runtime: Runtime | null;
  /** Source rows in the snapshot; null until planned. */
  rows: number | null;
  startedAt: string;
  endedAt: string | null;
  snapshotTime: string | null;
  /**
   * The time that the run is for: when its schedule was due, or as set in its input. Null if it has none.
   */
  scheduledTime: string | null;
  function: string | null;
  /** sha256 of the bundle of functions that the latest execution calls; null until it is accepted. */
  functionDigest: string | null;
  /** Null until the run is accepted. */
  input: ProcessedInput | null;
  executions: ExecutionView[];
  /** Whether the state includes information that only a running server has (running partitions, attempts). */
  live: boolean;
  /**
   * Whether it was read from a recorded history: a file, or the run's archive on the stage after its history
   * has expired on the server.
   */
  archived: boolean;
  /** When the state was read. */
  asOf: string;
  error: ErrorInfo | null;
  commit: CommitResult | null;
  /**
   * For a run that predicts: the models it uses, and the partitions without one. Null for other runs, and
   * until the run is planned.
   */
  models: ModelUse | null;
  /**
   * What is holding the run up: a step that failed and is being retried, such as the commit while another
   * program locks the warehouse file. Null if nothing is, and whenever the state is not `live`.
   */
  waiting: WaitingStep | null;
  /** What waits for its next attempt; nothing whenever the state is not `live`. */
  retries: WaitingRetries;
  /** Whether the run is paused: running work continues, and nothing else is started. */
  paused: boolean;
  /**
   * Who paused it: the identity of the Temporal client, for Partwise `user@host` unless set with
   * `withIdentity`. Null if it is not paused, or the client gave none.
   */
  pausedBy: string | null;
  /** When it was paused, ISO 8601 UTC; null if it is not paused. */
  pausedAt: string | null;
  /** Maximum number of units in flight, as currently set; null until planned. */
  maxConcurrency: number | null;
  /** Number of partitions that may fail, as currently set; null until planned. */
  toleratedFailures: number | null;
}
