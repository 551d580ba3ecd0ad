/**
 * A handle to read and change a run on a server. A run in progress is changed with signals and updates, which
 * Temporal's own tools can send too.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { WorkflowNotFoundError, WorkflowUpdateFailedError, type Client } from '@temporalio/client';
import type { RetryInput, RunInput } from '../core/input';
import { concurrencyLimit, concurrencyProblems, toleranceProblems } from '../core/live-settings';
import { problemText } from '../core/refusal';
import { selectedName, type SkipSelection } from '../core/skip-selection';
import { STATUS } from '../reader/find-execution';
import { RunEnded, UpdateRefused } from '../reader/errors';
import { Run, type RunControl } from '../reader/run';
import { RunReader } from '../reader/run-reader';
import { ServerRun } from '../reader/run-source';
import type { RunHandle } from '../reader/run-handle';
import type { RunArchive, RunSettings, SelectedPartitions } from '../reader/types';
import { archiveRun } from './archive-run';
import { startContinuation } from './start';

/** The part of the `skip` update's result that clients use. */
interface SkipAnswer {
  tooLate: { id: string | null; ordinal: number; status: string }[];
}

/** Where retries of a run are started. */
export interface RunProject {
  client: Client;
  taskQueue: string;
  /** The project's functions, for the embedded server's worker. Empty: the worker uses its own. */
  code: Pick<RetryInput, 'functions' | 'python'>;
  /** The project's folder; null if unknown. */
  folder: string | null;
  /** The stage of its runs, as an absolute path or URI. Null if unknown. */
  stage: string | null;
}

/**
 * `workflowRunId` is the execution that was just started. If null, each call looks up the run's current
 * execution.
 */
export function serverRun(project: RunProject, runId: string, workflowRunId: string | null): RunHandle {
  const source = new ServerRun(project.client, runId, workflowRunId, project.stage);
  return new Run(source, (reader) => new ServerControl(project, reader));
}

class ServerControl implements RunControl {
  constructor(
    private readonly project: RunProject,
    private readonly reader: RunReader,
  ) {}

  async cancel(): Promise<void> {
    const execution = await this.#open('cancel');
    await ask(() => execution.cancel(), this.#ended('cancel'));
  }

  async pause(paused: boolean): Promise<void> {
    const action = paused ? 'pause' : 'unpause';
    const execution = await this.#open(action);
    await ask(() => execution.signal(action), this.#ended(action));
    for await (const { record } of this.reader.follow({ every: 'change' })) {
      if (record.closed !== null) throw this.#ended(action);
      if (record.pause.taken === paused) return;
    }
  }

  async set({ maxConcurrency, toleratedFailures }: RunSettings): Promise<void> {
    const problems = [
      ...(maxConcurrency === undefined ? [] : await this.#concurrencyProblems(maxConcurrency)),
      ...(toleratedFailures === undefined ? [] : toleranceProblems(toleratedFailures)),
    ];
    // enforces I9: reports every problem together, and sets nothing.
    if (problems.length > 0) throw new UpdateRefused(this.reader.runId, problemText(problems));
    if (maxConcurrency !== undefined) await this.#update('setConcurrency', maxConcurrency);
    if (toleratedFailures !== undefined) await this.#update('setTolerance', toleratedFailures);
  }

  async skip(partitions: SkipSelection): Promise<void> {
    const { tooLate } = (await this.#update('skip', partitions)) as SkipAnswer;
    if (tooLate.length === 0) return;
    const problems = tooLate.map(
      (partition) => `${selectedName(partition)} ended as ${partition.status} before it could be skipped.`,
    );
    throw new UpdateRefused(this.reader.runId, problemText(problems));
  }

  previewSkip(partitions: SkipSelection): Promise<SelectedPartitions> {
    const { previewSkip }: typeof import('./preview-skip') = require('./preview-skip');
    return previewSkip(this.reader, partitions);
  }

  async retry(changes: RetryInput): Promise<RunHandle> {
    const { client, code, taskQueue } = this.project;
    const { functions: _, ...others } = code;
    const { runId } = this.reader;
    const { record, state } = await this.reader.read();
    const { opened } = record;
    const input = {
      ...(this.#hasOwnFunctions(opened?.input) ? others : code),
      // Otherwise the worker would look for the run on its own stage.
      ...(opened !== null && { stage: opened.stage }),
      // Another program may overwrite the run meanwhile.
      ...(opened !== null && changes.ordinals != null && { generation: opened.generation }),
      ...changes,
    };
    const { workflowRunId } = await startContinuation(client, taskQueue, runId, state.function, input);
    return serverRun(this.project, runId, workflowRunId);
  }

  previewRetry(changes: RetryInput): Promise<SelectedPartitions> {
    const { client, stage } = this.project;
    const { previewRetry }: typeof import('./preview-retry') = require('./preview-retry');
    // Not of this handle's execution: a retry continues the newest one.
    return previewRetry(new RunReader(new ServerRun(client, this.reader.runId, null, stage)), changes);
  }

  /** Whether it was started with functions files of its own, which are still there: it keeps those. */
  #hasOwnFunctions(input: RunInput | undefined): boolean {
    const { code, folder } = this.project;
    if (folder === null || input?.functions == null) return false;
    const files = [input.functions].flat().map((file) => resolve(folder, file));
    const isOther = files.some((file) => ![code.functions ?? []].flat().includes(file));
    return isOther && files.every((file) => existsSync(file));
  }

  archive(): Promise<RunArchive> {
    return archiveRun(this.project.client, this.reader);
  }

  /** Reads the run only if the value exceeds the limit of a run without shards. */
  async #concurrencyProblems(maxConcurrency: number): Promise<string[]> {
    const problems = concurrencyProblems(maxConcurrency, concurrencyLimit(null));
    if (problems.length === 0) return [];
    const { record } = await this.reader.read();
    return concurrencyProblems(maxConcurrency, concurrencyLimit(record.plan));
  }

  async #update(name: string, argument: unknown): Promise<unknown> {
    const execution = await this.#open('change');
    try {
      return await ask(() => execution.executeUpdate(name, { args: [argument] }), this.#ended('change'));
    } catch (error) {
      if (!(error instanceof WorkflowUpdateFailedError)) throw error;
      const { cause } = error;
      if (cause !== undefined && 'type' in cause && cause.type === 'UpdateRefused')
        throw new UpdateRefused(this.reader.runId, cause.message);
      // The update was accepted, but the run ended before it completed.
      throw this.#ended('change');
    }
  }

  async #open(action: Action) {
    const { execution, description } = await this.reader.locate();
    if (description?.workflowExecutionInfo?.status !== STATUS.running) throw this.#ended(action);
    return this.project.client.workflow.getHandle(this.reader.runId, execution.runId);
  }

  #ended(action: Action): RunEnded {
    return new RunEnded(this.reader.runId, action);
  }
}

type Action = 'cancel' | 'pause' | 'unpause' | 'change';

/** Sends a request; the run may have ended since its status was checked. */
async function ask<T>(request: () => Promise<T>, ended: RunEnded): Promise<T> {
  try {
    return await request();
  } catch (error) {
    throw error instanceof WorkflowNotFoundError ? ended : error;
  }
}
