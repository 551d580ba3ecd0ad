/**
 * Keeps one process running: restarts it whenever it exits, with back-off.
 *
 *     starting ──ready──► ready ──exit──► restarting ──ready──► ready
 *        └──────── ended before it was ready, too often ────────► stopped ──retry()──► restarting
 */
import { setTimeout as delay } from 'node:timers/promises';
import { errorText } from '../problems';

export type SupervisedStatus = 'starting' | 'ready' | 'restarting' | 'stopped';

/** A process that was started. */
export interface Running {
  /** Rejects with the reason if the process exits before it is ready. */
  readonly ready: Promise<void>;
  /** Resolves with how it ended; never rejects. */
  readonly ended: Promise<string>;
  /** Ends it: gracefully, then by force. */
  end(): Promise<void>;
}

/** The process cannot start, and a retry would fail in the same way. */
export class CannotStart extends Error {}

/** Consecutive failed starts after which nothing is tried until `retry`. */
const MAX_FAILED_STARTS = 5;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 30_000;
/** A process that was up for this long has recovered: after its next exit, the back-off starts over. */
const SETTLED_MS = 10_000;

export class Supervisor {
  status: SupervisedStatus = 'starting';
  /** Why it is not up; null when it is. */
  error: string | null = null;

  private running: Running | null = null;
  private readonly ending = new AbortController();
  private readonly aborted = new Promise<never>((_, reject) =>
    this.ending.signal.addEventListener('abort', () => reject(this.ending.signal.reason), { once: true }),
  );
  private wake: (() => void) | null = null;

  constructor(
    private readonly start: (signal: AbortSignal) => Promise<Running>,
    private readonly onChange: () => void,
  ) {
    this.aborted.catch(() => {});
  }

  /** Resolves after `end`, once the process is gone. */
  async run(): Promise<void> {
    let failedStarts = 0;
    let pauses = 0;
    while (!this.ending.signal.aborted) {
      try {
        this.running = await this.start(this.ending.signal);
        await this.orAborted(this.running.ready);
        const upSince = Date.now();
        failedStarts = 0;
        this.become('ready', null);
        const reason = await this.orAborted(this.running.ended);
        if (Date.now() - upSince > SETTLED_MS) pauses = 0;
        this.become('restarting', reason);
      } catch (error) {
        if (this.ending.signal.aborted) break;
        failedStarts++;
        if (error instanceof CannotStart || failedStarts >= MAX_FAILED_STARTS) {
          await this.stopUntilRetry(errorText(error));
          failedStarts = pauses = 0;
          continue;
        }
        this.become('restarting', errorText(error));
      }
      const pause = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** pauses++);
      await delay(pause, undefined, { signal: this.ending.signal }).catch(() => {});
    }
    await this.running?.end();
  }

  /** Starts a process again that has stopped. */
  retry(): void {
    this.wake?.();
  }

  /** Ends the process, which is then started again. */
  async restart(): Promise<void> {
    await this.running?.end();
  }

  /** Ends the process for good. */
  end(): void {
    this.ending.abort();
    this.wake?.();
  }

  /** Stops supervising the process, which keeps running. */
  abandon(): void {
    this.running = null;
    this.end();
  }

  private async stopUntilRetry(error: string): Promise<void> {
    this.become('stopped', error);
    await new Promise<void>((resolve) => (this.wake = resolve));
    this.wake = null;
    if (!this.ending.signal.aborted) this.become('restarting', null);
  }

  private orAborted<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.aborted]);
  }

  private become(status: SupervisedStatus, error: string | null): void {
    this.status = status;
    this.error = error;
    this.onChange();
  }
}
