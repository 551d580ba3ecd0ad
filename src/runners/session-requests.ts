/** What a runner asks of its worker during a unit, and the answers. */
import type { WarehouseAccess } from '../core/warehouse-access';
import { StageUnavailable } from '../stage';
import type { Runner } from './runner';

export class SessionRequests {
  private readonly open = new Set<Promise<unknown>>();
  /** Queries that are running, by the number of the request. */
  private readonly queries = new Map<number, AbortController>();

  constructor(
    private readonly runner: Pick<Runner, 'send'>,
    private readonly access: WarehouseAccess | null,
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
        // Nothing that the function did: the unit is handed over.
        if (error instanceof StageUnavailable) return this.onStageUnavailable(error);
        const { name, message } = error instanceof Error ? error : new Error(String(error));
        const nonRetryable = (error as { nonRetryable?: unknown }).nonRetryable === true;
        this.runner.send({ type: 'reply', id, error: { type: name, message, stack: null, nonRetryable } });
      },
    );
    this.open.add(request);
    void request.then(() => this.open.delete(request));
  }

  /** The same for work in the warehouse, which can be cancelled. */
  ask(id: number, work: (access: WarehouseAccess, signal: AbortSignal) => Promise<unknown>): void {
    const controller = new AbortController();
    this.queries.set(id, controller);
    this.reply(id, () => work(this.access!, controller.signal).finally(() => this.queries.delete(id)));
  }

  /** What a function has asked for stops with it. */
  cancel(ids: readonly number[] = [...this.queries.keys()]): void {
    for (const id of ids) this.queries.get(id)?.abort(new Error('Nobody waits for the query any more.'));
  }
}
