import type { Client } from '@temporalio/client';
import { archiveRun } from './archive-run';
import { RunControl } from './control';
import { RunReader } from '../reader/run-reader';
import { RunReading } from '../reader/run-reading';
import { ServerRun } from '../reader/run-source';
import { startContinuation } from './start';
import type { RunArchive, RunHandle, RunSettings } from '../reader/types';
import type { RetryInput } from '../core/input';

/** Where a run's continuations start. */
export interface RunProject {
  client: Client;
  taskQueue: string;
  /** The project's functions file, for the embedded server's worker; null: the worker's own. */
  functions: string | null;
  /** The stage of its runs, as an absolute path or URI; null: not known. */
  stage: string | null;
}

/** A run, read from Temporal's history whenever it is asked. */
export class TemporalRunHandle extends RunReading implements RunHandle {
  readonly #control: RunControl;

  /** `workflowRunId`: the execution that this handle started; null: the run's real one, found with every call. */
  constructor(
    private readonly project: RunProject,
    runId: string,
    workflowRunId: string | null,
  ) {
    super(new RunReader(new ServerRun(project.client, runId, workflowRunId, project.stage)));
    this.#control = new RunControl(project.client, this.reader);
  }

  cancel(): Promise<void> {
    return this.#control.cancel();
  }

  pause(): Promise<void> {
    return this.#control.pause(true);
  }

  unpause(): Promise<void> {
    return this.#control.pause(false);
  }

  set(settings: RunSettings): Promise<void> {
    return this.#control.set(settings);
  }

  skip(partitionIds: readonly string[]): Promise<void> {
    return this.#control.skip(partitionIds);
  }

  async retry(changes: RetryInput = {}): Promise<RunHandle> {
    const { project, runId } = this;
    const { record, state } = await this.reader.read();
    const { functions } = project;
    const input = {
      ...(functions !== null && { functions }),
      // Else the worker would look for the run on its own stage.
      ...(record.opened !== null && { stage: record.opened.stage }),
      ...changes,
    };
    const started = await startContinuation(project.client, project.taskQueue, runId, state.function, input);
    return new TemporalRunHandle(project, runId, started.workflowRunId);
  }

  archive(): Promise<RunArchive> {
    return archiveRun(this.project.client, this.reader);
  }

  execution(workflowRunId: string): RunHandle {
    return new TemporalRunHandle(this.project, this.runId, workflowRunId);
  }
}
