import type { Context } from '@temporalio/activity';
import type { ProjectConfig } from '../config';
import type { CloseTask } from '../core/opened-run';
import type { RunReader } from '../reader/run-reader';
import type { RunnerPool } from '../runners/pool';
import type { UnitSlots } from '../runners/unit-slots';
import type { WorkerMetrics } from './metrics';
import type { OnWorkerEvent } from './worker-events';
import type { FunctionCatalog } from '../planning/function-catalog';
import type { StartGate } from '../planning/run-trust';

/** The dependencies of a worker's activities. */
export interface ActivityDeps {
  /** Folder to which relative paths in inputs are resolved. */
  readonly projectDir: string;
  /** The configuration for a new run: the current one (embedded), or the one from the worker's start. */
  project(): Promise<ProjectConfig>;
  readonly pool: RunnerPool;
  readonly slots: UnitSlots;
  readonly functions: FunctionCatalog;
  /** Null if anyone who may start workflows in the namespace may start runs. */
  readonly gate: StartGate | null;
  /** The worker's identity, as in Temporal. */
  readonly identity: string;
  /** Local folder for files being written; emptied when the worker starts. */
  readonly scratch: string;
  /** Aborted when the worker starts to shut down. */
  readonly stopping: AbortSignal;
  /** Null if metrics are not collected. */
  readonly metrics: WorkerMetrics | null;
  readonly onEvent: OnWorkerEvent;
  /** The task queue of units; planning and commits use the main one. */
  readonly unitTaskQueue: string;
}

/** A run that is being closed. */
export interface ClosingRun {
  task: CloseTask;
  context: Context;
  /** Reads this execution. */
  reader: RunReader;
}
