/**
 * Events that end an attempt before its partitions have ended. `stop` ends it immediately, including the
 * running call: the run was cancelled, the worker's shutdown grace time is over, or the server has given up
 * on this attempt. `drain` ends it after the running call: the worker is shutting down, or the run was
 * paused.
 */
import type { Context } from '@temporalio/activity';
import { PAUSED_MEMO } from '../../core/workflow';

/** How often a batch checks whether its run is paused. */
const CHECK_EVERY_MS = 2_000;

export type Interruption = 'cancelled' | 'shutdown' | 'paused' | 'lost';

export class Interruptions {
  readonly #stop = new AbortController();
  readonly #drain = new AbortController();
  #paused = false;
  #timer: NodeJS.Timeout | null = null;

  /** `stopping` is aborted when the worker starts to shut down. */
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

  /** Called when the server has given up on this attempt, or cannot be reached. */
  lose(reason: string): void {
    this.#stop.abort(new Error(reason));
  }

  /** Checks whether the run is paused. If the server does not answer, the attempt continues. */
  async checkForPause(): Promise<void> {
    const { workflowId, runId } = this.context.info.workflowExecution!;
    const workflow = this.context.client.workflow.getHandle(workflowId, runId);
    const description = await workflow.describe().catch(() => null);
    if (description?.memo?.[PAUSED_MEMO] !== true) return;
    this.#paused = true;
    this.#drain.abort();
  }

  /** Checks every two seconds. */
  watchForPause(): void {
    this.#timer = setTimeout(() => {
      void this.checkForPause().then(() => this.#timer !== null && this.watchForPause());
    }, CHECK_EVERY_MS);
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
