/**
 * A worker's runner processes. At most `size` live at a time; an idle one is kept warm for units of the same function bundle
 * and memory cap, and makes room for others when needed.
 */
import { RunnerProcess } from './process';

/** A runner that holds more than this share of its cap after a unit would start the next one with too little. */
const TIRED = 0.5;

interface Idle {
  runner: RunnerProcess;
  key: string;
}

export class RunnerPool {
  private readonly size: number;
  private readonly live = new Set<RunnerProcess>();
  private readonly keys = new WeakMap<RunnerProcess, string>();
  /** Least recently used first. */
  private idle: Idle[] = [];
  private readonly waiting: (() => void)[] = [];
  private closed = false;

  constructor(options: { size: number }) {
    this.size = options.size;
  }

  /** Pids of the live runners. */
  get pids(): number[] {
    return [...this.live].flatMap((runner) => runner.pid ?? []);
  }

  /**
   * Waits for a free place. Rejects with the signal's reason when it is aborted first. `fresh`: never a process that
   * has run something before.
   */
  async acquire(
    digest: string,
    memoryBytes: number,
    signal?: AbortSignal,
    options: { fresh?: boolean } = {},
  ): Promise<RunnerProcess> {
    const key = `${digest}/${memoryBytes}`;
    for (;;) {
      signal?.throwIfAborted();
      if (this.closed) throw new Error('The runner pool is closed: this worker is shutting down.');
      const warm = options.fresh === true ? undefined : this.takeIdle(key);
      if (warm !== undefined) return warm;
      if (this.live.size < this.size) return this.start(key, memoryBytes);
      const oldest = this.idle.shift();
      if (oldest !== undefined) await oldest.runner.kill();
      else await this.place(signal);
    }
  }

  /** Gives a runner back; one that did not end its unit cleanly, or died, is ended and forgotten. */
  async release(runner: RunnerProcess, options: { reusable: boolean }): Promise<void> {
    const keep = options.reusable && runner.alive && !this.closed && runner.rss < runner.memoryBytes * TIRED;
    if (keep) this.idle.push({ runner, key: this.keys.get(runner)! });
    else await runner.kill();
    this.wakeWaiting();
  }

  /** Ends all runners. */
  async close(): Promise<void> {
    this.closed = true;
    this.wakeWaiting();
    await Promise.all([...this.live].map((runner) => runner.kill()));
  }

  private takeIdle(key: string): RunnerProcess | undefined {
    const found = this.idle.findLastIndex((each) => each.key === key && each.runner.alive);
    return found === -1 ? undefined : this.idle.splice(found, 1)[0]!.runner;
  }

  private start(key: string, memoryBytes: number): RunnerProcess {
    const runner = new RunnerProcess(memoryBytes);
    this.live.add(runner);
    this.keys.set(runner, key);
    void runner.exited.then(() => {
      this.live.delete(runner);
      this.idle = this.idle.filter((each) => each.runner !== runner);
      this.wakeWaiting();
    });
    return runner;
  }

  /** All of them: each looks again, in order, so none is missed when one has given up meanwhile. */
  private wakeWaiting(): void {
    for (const wake of this.waiting.splice(0)) wake();
  }

  private async place(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      signal?.addEventListener('abort', wake, { once: true });
      this.waiting.push(wake);
    });
  }
}
