/** An execution of a run, from the moment it is accepted to its end, as activities are told of it. */
import type { Carried } from './carried';
import type { FunctionDescription } from './function-description';
import type { RunInput } from './input';
import type { FunctionSettings, PlannedInput } from './normalized-input';
import type { ErrorInfo } from './outcome';
import type { RunPlan } from './plan';
import type { CommitResult, RunSummary } from './tasks';
import type { FunctionPlan } from './unit-plan';
import type { RunStatus } from './status';

/** What `openRun` returns: the run is accepted under this generation and execution. */
export interface OpenedRun {
  version: 1;
  runId: string;
  generation: number;
  execution: number;
  /** Stage URI, absolute. */
  stage: string;
  /** Content of the stage's token file: a worker that sees another one is looking at another folder. */
  stageToken: string;
  /** Warehouse URI, absolute. */
  warehouse: string;
  function: FunctionPlan;
  /** What the function itself asks for, as it says it. */
  functionSettings: FunctionDescription;
  /** The same, checked. Absent in histories of releases that checked it again in planning. */
  settings?: FunctionSettings;
  /** ISO 8601 UTC: the time that the run is for; of a continuation, that of the run it continues. */
  scheduledTime: string | null;
  /** Task queue of `processUnit`. */
  unitTaskQueue: string;
  /** How long planning and committing may take. */
  planTimeoutMs: number;
  heartbeatTimeoutMs: number;
  /** How long the execution may take in all; null: no limit. */
  runTimeoutMs: number | null;
  /**
   * The run's input as it is in force: of a continuation the run's own, with what the continuation changed.
   */
  input: RunInput;
  /** What it means. Absent in histories of releases that parsed the input again in planning. */
  normalized?: PlannedInput;
  /** Earlier executions of the run id, oldest first. */
  earlier: ExecutionEntry[];
  /** What a continuation continues; null for the first execution of a generation. */
  continues: Continued | null;
  /**
   * Whether the execution's input is taken for that of the worker's owner, who may read and write what the
   * worker can. Absent in histories of releases that did not ask: as true.
   */
  trusted?: boolean;
}

/** An execution that has ended, as later ones record it. Times are ISO 8601 UTC. */
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
  /** Its plan, but for what is planned anew. */
  plan: Omit<RunPlan, 'units' | 'sharding' | 'carried'>;
  carried: Carried;
  /** The last commit of the generation. */
  commit: CommitResult | null;
  /**
   * Whether it has the rows of all partitions that are DONE. Earlier releases do not say so, and take it for
   * granted.
   */
  committed?: boolean;
}

/** `planRun`'s argument. */
export interface PlanTask {
  opened: OpenedRun;
}

/** How a run ended, by its own word. */
export interface Closing {
  kind: 'completed' | 'failed' | 'cancelled';
  /** Null when it had no plan, and when it ended by a mistake in Partwise itself. */
  summary: RunSummary | null;
  /** Null when it completed. */
  error: ErrorInfo | null;
}

/** `closeRun`'s argument. */
export interface CloseTask {
  version: 1;
  runId: string;
  /** Null: the run was refused. */
  opened: Pick<OpenedRun, 'stage' | 'stageToken' | 'generation' | 'execution'> | null;
  /** Who is to be told, as the input names them. */
  notify: string | null;
  closing: Closing;
}
