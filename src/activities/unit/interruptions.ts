/**
 * What ends an attempt before its partitions have ended. `stop`: at once, the call that is running included,
 * because the run was cancelled, the worker's time to shut down is over, or the server has given this attempt
 * up. `drain`: after that call, because the worker has begun to shut down or the run was paused.
 */
import type { Context } from '@temporalio/activity';
import { PAUSED_MEMO } from '../../core/workflow';

/** How often a batch looks whether its run is paused. */
const LOOK_EVERY_MS = 2_000;

export type Interruption = 'cancelled' | 'shutdown' | 'paused' | 'lost';

export class Interruptions {
  readonly #stop = new AbortController();
  readonly #drain = new AbortController();
  #paused = false;
  #timer: NodeJS.Timeout | null = null;

  /** `stopping`: aborted when the worker begins to shut down. */
  constructor(
    private readonly context: Context,
    private readonly stopping: AbortSignal,
  ) {
    const { cancellationSignal } = context;
    cancellationSignal.addEventListener('abort', this.#onCancel, { once: true });
    stopping.addEventListener('abort', this.#onStopping, { once: true });
    if (cancellationSignal.aborted) this.#onCancel();
    if (stopping.aborted) this.#onStopping();
  }

  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  get drain(): AbortSignal {
    return this.#drain.signal;
  }

  get why(): Interruption {
    const { cancellationDetails } = this.context;
    if (cancellationDetails?.cancelRequested === true) return 'cancelled';
    if (cancellationDetails?.workerShutdown === true || this.stopping.aborted) return 'shutdown';
    return this.#paused && !this.stop.aborted ? 'paused' : 'lost';
  }

  /** The server has given this attempt up, or cannot be reached. */
  lose(reason: string): void {
    this.#stop.abort(new Error(reason));
  }

  /** Looks whether the run is paused. When the server cannot say, the attempt goes on. */
  async lookForPause(): Promise<void> {
    const { workflowId, runId } = this.context.info.workflowExecution!;
    const workflow = this.context.client.workflow.getHandle(workflowId, runId);
    const description = await workflow.describe().catch(() => null);
    if (description?.memo?.[PAUSED_MEMO] !== true) return;
    this.#paused = true;
    this.#drain.abort();
  }

  /** Looks every two seconds. */
  watchForPause(): void {
    this.#timer = setTimeout(() => {
      void this.lookForPause().then(() => this.#timer !== null && this.watchForPause());
    }, LOOK_EVERY_MS);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.context.cancellationSignal.removeEventListener('abort', this.#onCancel);
    this.stopping.removeEventListener('abort', this.#onStopping);
  }

  readonly #onCancel = (): void => this.#stop.abort(this.context.cancellationSignal.reason);
  readonly #onStopping = (): void => this.#drain.abort();
}
