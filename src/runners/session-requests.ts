/** What a runner asks of its worker during a unit, and the answers. */
import { StageUnavailable } from '../stage';
import type { Runner } from './runner';

export class SessionRequests {
  private readonly open = new Set<Promise<unknown>>();
  /** Running queries, by the id of the request. */
  private readonly queries = new Map<number, AbortController>();

  constructor(
    private readonly runner: Pick<Runner, 'send'>,
    private readonly onStageUnavailable: (error: StageUnavailable) => void,
  ) {}

  async settled(): Promise<void> {
    await Promise.allSettled(this.open);
  }

  /** Answers a request with what the work resolves to. */
  reply(id: number, work: () => Promise<unknown>): void {
    const request = work().then(
      (value) => this.runner.send({ type: 'reply', id, value }),
      (error: unknown) => {
        // Not the function's fault: the unit ends here and is tried again later.
        if (error instanceof StageUnavailable) return this.onStageUnavailable(error);
        const { name, message } = error instanceof Error ? error : new Error(String(error));
        const nonRetryable = (error as { nonRetryable?: unknown }).nonRetryable === true;
        this.runner.send({ type: 'reply', id, error: { type: name, message, stack: null, nonRetryable } });
      },
    );
    this.open.add(request);
    void request.then(() => this.open.delete(request));
  }

  /** The same for a query, which can be cancelled. */
  ask(id: number, work: (signal: AbortSignal) => Promise<unknown>): void {
    const controller = new AbortController();
    this.queries.set(id, controller);
    this.reply(id, () => work(controller.signal).finally(() => this.queries.delete(id)));
  }

  /** Stops queries when their function has ended. */
  cancel(ids: readonly number[] = [...this.queries.keys()]): void {
    for (const id of ids) this.queries.get(id)?.abort(new Error('The call no longer waits for the query.'));
  }
}
