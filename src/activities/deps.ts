import type { ProjectConfig } from '../config';
import type { RunnerPool } from '../runners/pool';
import type { FunctionCatalog } from './function-catalog';

/** What a worker's activities work with. */
export interface ActivityDeps {
  readonly project: ProjectConfig;
  readonly pool: RunnerPool;
  readonly functions: FunctionCatalog;
  /** The worker's identity, as in Temporal. */
  readonly identity: string;
  /** Local folder for files in the making; emptied when the worker starts. */
  readonly scratch: string;
  /** The task queue of units; runs on the main one are planned and committed. */
  readonly unitTaskQueue: string;
}
