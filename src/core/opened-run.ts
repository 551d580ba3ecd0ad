/** An execution of a run from its acceptance to its end, as passed to activities. */
import type { Carried } from './carried';
import type { FunctionDescription } from './function-description';
import type { RunInput } from './input';
import type { FunctionSettings, PlannedInput } from './normalized-input';
import type { ErrorInfo } from './outcome';
import type { RunPlan } from './plan';
import type { CommitResult, RunSummary } from './tasks';
import type { FunctionPlan } from './unit-plan';
import type { RunStatus } from './status';

/** The result of `openRun`: the run is accepted under this generation and execution. */
export interface OpenedRun {
  version: 1;
  runId: string;
  generation: number;
  execution: number;
  /** Stage URI, absolute. */
  stage: string;
  /** Content of the stage's token file: a worker that reads a different token has a different folder. */
  stageToken: string;
  /** Warehouse URI, absolute. */
  warehouse: string;
  function: FunctionPlan;
  /** The function's own settings, as declared. */
  functionSettings: FunctionDescription;
  /**
   * The same settings, validated. Absent in histories of releases that checked them again during planning.
   */
  settings?: FunctionSettings;
  /** ISO 8601 UTC: the time that the run is for. For a continuation, that of the run it continues. */
  scheduledTime: string | null;
  /** Task queue of `processUnit`. */
  unitTaskQueue: string;
  /** Time limit for planning and for committing. */
  planTimeoutMs: number;
  heartbeatTimeoutMs: number;
  /** Time limit for the whole execution; null: no limit. */
  runTimeoutMs: number | null;
  /**
   * The effective input. For a continuation: the run's own input with the continuation's changes.
   */
  input: RunInput;
  /** The parsed input. Absent in histories of releases that parsed the input again during planning. */
  normalized?: PlannedInput;
  /** Earlier executions of the run id, oldest first. */
  earlier: ExecutionEntry[];
  /** What this execution continues; null for the first execution of a generation. */
  continues: Continued | null;
  /**
   * Whether the input is trusted as the worker owner's, who may read and write whatever the worker can.
   * Absent, meaning true, in histories of releases that did not check.
   */
  trusted?: boolean;
}

/** An ended execution, as recorded by later ones. Times are ISO 8601 UTC. */
export interface ExecutionEntry {
  workflowRunId: string;
  generation: number;
  execution: number;
  startedAt: string;
  endedAt: string | null;
  status: RunStatus;
}

/** What a continuation takes over from the execution before it. */
export interface Continued {
  /** Its plan, without the parts that are planned again. */
  plan: Omit<RunPlan, 'units' | 'sharding' | 'carried'>;
  carried: Carried;
  /** The last commit of the generation. */
  commit: CommitResult | null;
  /**
   * Whether the commit has the rows of all DONE partitions. Earlier releases do not record this and assume
   * it.
   */
  committed?: boolean;
}

/** `planRun`'s argument. */
export interface PlanTask {
  opened: OpenedRun;
}

/** How a run ended, as reported by its workflow. */
export interface Closing {
  kind: 'completed' | 'failed' | 'cancelled';
  /** Null if it had no plan, or if it ended because of a bug in Partwise. */
  summary: RunSummary | null;
  /** Null if it completed. */
  error: ErrorInfo | null;
}

/** `closeRun`'s argument. */
export interface CloseTask {
  version: 1;
  runId: string;
  /** Null if the run was refused. */
  opened: Pick<OpenedRun, 'stage' | 'stageToken' | 'generation' | 'execution'> | null;
  /** The notifier to call, as named in the input. */
  notify: string | null;
  closing: Closing;
}
