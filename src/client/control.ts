/** Changes to a run under way: the signals and updates that Temporal's own tools can send too. */
import { WorkflowNotFoundError, WorkflowUpdateFailedError, type Client } from '@temporalio/client';
import { concurrencyLimit, concurrencyProblems, toleranceProblems } from '../core/live-settings';
import { problemText } from '../core/refusal';
import { STATUS } from '../reader/chain';
import { RunEnded, UpdateRefused } from '../reader/errors';
import type { RunReader } from '../reader/run-reader';
import type { RunSettings } from '../reader/types';

/** As far as clients use the answer of the update `skip`. */
interface SkipAnswer {
  tooLate: { id: string; status: string }[];
}

export class RunControl {
  constructor(
    private readonly client: Client,
    private readonly reader: RunReader,
  ) {}

  async cancel(): Promise<void> {
    const execution = await this.#open('cancel');
    await ask(() => execution.cancel(), this.#ended('cancel'));
  }

  /** Resolves when the workflow has taken it. */
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
    return this.client.workflow.getHandle(this.reader.runId, execution.runId);
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
