/** The state of a run, as readers get it and `--json` prints it. Stable from the first release. */
import type { Step } from './facts';
import type { ErrorInfo } from '../core/outcome';
import type { ModelUse } from '../core/plan';
import type { CommitResult } from '../core/tasks';
import type { RunStatus, StatusCounts } from '../core/status';

/** One start of the run's workflow id. Times are ISO 8601 UTC. */
export interface ExecutionView {
  workflowRunId: string;
  /** Which snapshot it runs on; 2 after the first overwrite. Null until it is accepted. */
  generation: number | null;
  /** Its number within the run, counted through all generations. Null until it is accepted. */
  execution: number | null;
  startedAt: string;
  endedAt: string | null;
  status: RunStatus;
}

/**
 * A step of the run itself (opening, planning, the commit) that failed, and that is tried again by itself.
 */
export interface WaitingStep {
  /** `processUnit`: units wait for the stage, on which they cannot put what has ended. */
  activity: Step | 'processUnit';
  /** The attempt that is coming, or under way: 2 after the first failure. */
  attempt: number;
  /** What the attempt before failed with. */
  error: ErrorInfo;
}

/** State of a run. */
export interface RunState {
  runId: string;
  status: RunStatus;
  counts: StatusCounts & { total: number };
  /** How many of those that are DONE were not run, but taken over from an earlier run of the series. */
  reused: number;
  /** Source rows in the snapshot; null until planned. */
  rows: number | null;
  startedAt: string;
  endedAt: string | null;
  snapshotTime: string | null;
  /**
   * The time that the run is for: when its schedule was due, or what its input says. Null for a run without.
   */
  scheduledTime: string | null;
  function: string | null;
  executions: ExecutionView[];
  /** Whether the state includes what only a running server knows (running partitions, attempts). */
  live: boolean;
  /**
   * Whether it was read from a recorded history: the run's archive on the stage, when the server has
   * forgotten it, or a file.
   */
  archived: boolean;
  /** When the state was read. */
  asOf: string;
  error: ErrorInfo | null;
  commit: CommitResult | null;
  /**
   * Of a run that predicts: with which models, and which partitions have none. Null for others, and until it
   * is planned.
   */
  models: ModelUse | null;
  /**
   * What holds the run up: a step that failed and is tried again, such as the commit while another program
   * locks the warehouse file. Null when nothing does, and whenever the state is not `live`.
   */
  waiting: WaitingStep | null;
  /** Whether the run is paused: what runs goes on, and nothing else is started. */
  paused: boolean;
  /** Units in flight at once, as in force now; null until planned. */
  maxConcurrency: number | null;
  /** Partitions that may fail, as in force now; null until planned. */
  toleratedFailures: number | null;
}
