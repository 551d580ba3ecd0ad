import type { Context } from '@temporalio/activity';
import type { ProjectConfig } from '../config';
import type { CloseTask } from '../core/opened-run';
import type { RunReader } from '../reader/run-reader';
import type { RunnerPool } from '../runners/pool';
import type { UnitSlots } from '../runners/unit-slots';
import type { WorkerMetrics } from './metrics';
import type { FunctionCatalog } from '../planning/function-catalog';
import type { StartGate } from '../planning/run-trust';

/** What a worker's activities work with. */
export interface ActivityDeps {
  /** Folder that relative paths in inputs begin at. */
  readonly projectDir: string;
  /** The configuration for a new run: as it is now (embedded), or as it was at the worker's start. */
  project(): Promise<ProjectConfig>;
  readonly pool: RunnerPool;
  readonly slots: UnitSlots;
  readonly functions: FunctionCatalog;
  /** Null: whoever may start workflows in the namespace may start runs. */
  readonly gate: StartGate | null;
  /** The worker's identity, as in Temporal. */
  readonly identity: string;
  /** Local folder for files in the making; emptied when the worker starts. */
  readonly scratch: string;
  /** Aborted when the worker begins to shut down. */
  readonly stopping: AbortSignal;
  /** Null: nobody collects them. */
  readonly metrics: WorkerMetrics | null;
  /** The task queue of units; runs on the main one are planned and committed. */
  readonly unitTaskQueue: string;
}

/** A run that is being closed. */
export interface ClosingRun {
  task: CloseTask;
  context: Context;
  /** Of this execution. */
  reader: RunReader;
}
