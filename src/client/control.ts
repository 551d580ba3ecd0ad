/**
 * A run on a server: what reads it, and what changes it. A run under way is changed by the signals and
 * updates that Temporal's own tools can send too.
 */
import { WorkflowNotFoundError, WorkflowUpdateFailedError, type Client } from '@temporalio/client';
import type { RetryInput } from '../core/input';
import { concurrencyLimit, concurrencyProblems, toleranceProblems } from '../core/live-settings';
import { problemText } from '../core/refusal';
import { STATUS } from '../reader/chain';
import { RunEnded, UpdateRefused } from '../reader/errors';
import { Run, type RunControl } from '../reader/run';
import type { RunReader } from '../reader/run-reader';
import { ServerRun } from '../reader/run-source';
import type { RunArchive, RunHandle, RunSettings } from '../reader/types';
import { archiveRun } from './archive-run';
import { startContinuation } from './start';

/** As far as clients use the answer of the update `skip`. */
interface SkipAnswer {
  tooLate: { id: string; status: string }[];
}

/** Where a run's continuations start. */
export interface RunProject {
  client: Client;
  taskQueue: string;
  /** The project's functions file, for the embedded server's worker; null: the worker's own. */
  functions: string | null;
  /** The stage of its runs, as an absolute path or URI; null: not known. */
  stage: string | null;
}

/** `workflowRunId`: the execution that was just started; null: the run's real one, found with every call. */
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
    const doing = paused ? 'pause' : 'unpause';
    const execution = await this.#open(doing);
    await ask(() => execution.signal(doing), this.#ended(doing));
    for await (const { record } of this.reader.follow({ ticks: false })) {
      if (record.closed !== null) throw this.#ended(doing);
      if (record.pause.taken === paused) return;
    }
  }

  async set({ maxConcurrency, toleratedFailures }: RunSettings): Promise<void> {
    const problems = [
      ...(maxConcurrency === undefined ? [] : await this.#concurrencyProblems(maxConcurrency)),
      ...(toleratedFailures === undefined ? [] : toleranceProblems(toleratedFailures)),
    ];
    // enforces I9: every problem at once, and nothing is set.
    if (problems.length > 0) throw new UpdateRefused(this.reader.runId, problemText(problems));
    if (maxConcurrency !== undefined) await this.#update('setConcurrency', maxConcurrency);
    if (toleratedFailures !== undefined) await this.#update('setTolerance', toleratedFailures);
  }

  async skip(partitionIds: readonly string[]): Promise<void> {
    const { tooLate } = (await this.#update('skip', partitionIds)) as SkipAnswer;
    if (tooLate.length === 0) return;
    const ends = tooLate.map(({ id, status }) => `"${id}" ended as ${status} before it could be skipped.`);
    throw new UpdateRefused(this.reader.runId, problemText(ends));
  }

  async retry(changes: RetryInput): Promise<RunHandle> {
    const { client, functions, taskQueue } = this.project;
    const { runId } = this.reader;
    const { record, state } = await this.reader.read();
    const input = {
      ...(functions !== null && { functions }),
      // Else the worker would look for the run on its own stage.
      ...(record.opened !== null && { stage: record.opened.stage }),
      ...changes,
    };
    const { workflowRunId } = await startContinuation(client, taskQueue, runId, state.function, input);
    return serverRun(this.project, runId, workflowRunId);
  }

  archive(): Promise<RunArchive> {
    return archiveRun(this.project.client, this.reader);
  }

  /** What is more than any run takes without shards depends on the run. */
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
      // It was accepted, and the run ended before it was done.
      throw this.#ended('change');
    }
  }

  async #open(doing: Doing) {
    const { execution, description } = await this.reader.locate();
    if (description?.workflowExecutionInfo?.status !== STATUS.running) throw this.#ended(doing);
    return this.project.client.workflow.getHandle(this.reader.runId, execution.runId);
  }

  #ended(doing: Doing): RunEnded {
    return new RunEnded(this.reader.runId, doing);
  }
}

type Doing = 'cancel' | 'pause' | 'unpause' | 'change';

/** The run may end between the look and the question. */
async function ask<T>(question: () => Promise<T>, ended: RunEnded): Promise<T> {
  try {
    return await question();
  } catch (error) {
    throw error instanceof WorkflowNotFoundError ? ended : error;
  }
}
