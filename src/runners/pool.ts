/**
 * A worker's runner processes. At most `size` are alive at a time; an idle one is kept warm for units of the
 * same language, interpreter, function bundle and memory cap, and makes room for others when needed. A unit
 * that must be alone waits until no other runner is busy, and later units wait until it has finished.
 */
import { availableParallelism } from 'node:os';
import { Gpus } from './gpus';
import type { Language } from './language';
import type { Runner, RunnerOptions } from './runner';

/**
 * A runner that still uses this share of its memory cap after a unit is replaced: the next unit would have
 * too little.
 */
const MAX_RETAINED_SHARE = 0.5;

interface Idle {
  runner: Runner;
  key: string;
}

/** Longer than the loading timeout, so slow functions files are refused before. */
const STALLED_MS = 60_000;

interface PoolOptions extends Omit<RunnerOptions, 'memoryBytes' | 'threads' | 'bundle' | 'gpus'> {
  size: number;
  /** Ids of the GPUs that runners get. Default: none. */
  gpus?: readonly string[];
  /**
   * How long a runner may neither call a function nor respond before it is replaced. Default: 60 s.
   */
  stalledMs?: number;
  /** Called for each released runner that cannot be used again. */
  onReplaced?: (reason: 'lost' | 'memory') => void;
}

/** The runner that a unit needs. */
interface Wanted {
  language: Language;
  /** Digest of the function bundle. */
  digest: string;
  bundle: string | null;
  memoryBytes: number;
  /** Number of GPUs, or the share of one. */
  gpus: number;
  /** Path of the Python interpreter. Default: the pool's. */
  python?: string;
}

export class RunnerPool {
  readonly size: number;
  readonly stalledMs: number;
  private readonly live = new Set<Runner>();
  private readonly keys = new WeakMap<Runner, string>();
  /** Least recently used first. */
  private idle: Idle[] = [];
  private readonly waiting: (() => void)[] = [];
  /** The unit that must be alone, which is running (`runner`) or next. */
  private loner: { runner: Runner | null } | null = null;
  private closed = false;
  readonly gpus: Gpus;

  constructor(private readonly options: PoolOptions) {
    this.size = options.size;
    this.stalledMs = options.stalledMs ?? STALLED_MS;
    this.gpus = new Gpus(options.gpus ?? []);
  }

  /** Pids of the live runners. */
  get pids(): number[] {
    return [...this.live].flatMap((runner) => runner.pid ?? []);
  }

  /**
   * Waits for a free slot. Rejects with the signal's reason if it is aborted first. `fresh` requires a
   * process that has not run anything yet. `alone` also requires that it is the only runner until it is
   * released.
   */
  async acquire(
    wanted: Wanted,
    signal?: AbortSignal,
    options: { fresh?: boolean; alone?: boolean } = {},
  ): Promise<Runner> {
    const { language, digest, memoryBytes, gpus, python = '' } = wanted;
    const key = `${language.name}/${digest}/${memoryBytes}/${gpus}/${python}`;
    if (options.alone === true) return this.acquireAlone(key, wanted, signal);
    for (;;) {
      this.throwIfClosed(signal);
      if (this.loner !== null) {
        await this.place(signal);
        continue;
      }
      const warm = options.fresh === true ? undefined : this.takeIdle(key);
      if (warm !== undefined) return warm;
      const started = this.live.size < this.size ? this.start(key, wanted) : null;
      if (started !== null) return started;
      const oldest = this.idle.shift();
      if (oldest !== undefined) await oldest.runner.kill();
      else await this.place(signal);
    }
  }

  private async acquireAlone(key: string, wanted: Wanted, signal: AbortSignal | undefined): Promise<Runner> {
    const loner: { runner: Runner | null } = { runner: null };
    try {
      for (;;) {
        this.throwIfClosed(signal);
        this.loner ??= loner;
        // Without other runners, all GPUs are free.
        if (this.loner === loner && this.live.size === 0) return (loner.runner = this.start(key, wanted)!);
        const idle = this.loner === loner ? this.idle.shift() : undefined;
        if (idle !== undefined) await idle.runner.kill();
        else await this.place(signal);
      }
    } finally {
      if (this.loner === loner && loner.runner === null) this.admitOthers();
    }
  }

  private admitOthers(): void {
    this.loner = null;
    this.wakeWaiting();
  }

  private throwIfClosed(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.closed) throw new Error('The runner pool is closed: this worker is shutting down.');
  }

  /** Returns a runner to the pool, or kills it if it did not end its unit cleanly or died. */
  async release(runner: Runner, options: { reusable: boolean }): Promise<void> {
    const lost = !options.reusable || !runner.alive;
    const isFull = runner.rss >= runner.memoryBytes * MAX_RETAINED_SHARE;
    if (!lost && !isFull && !this.closed) this.idle.push({ runner, key: this.keys.get(runner)! });
    else {
      if (!this.closed) this.options.onReplaced?.(lost ? 'lost' : 'memory');
      await runner.kill();
    }
    if (this.loner?.runner === runner) this.loner = null;
    this.wakeWaiting();
  }

  /** Ends all runners. */
  async close(): Promise<void> {
    this.closed = true;
    this.wakeWaiting();
    await Promise.all([...this.live].map((runner) => runner.kill()));
  }

  private takeIdle(key: string): Runner | undefined {
    const found = this.idle.findLastIndex((each) => each.key === key && each.runner.alive);
    return found === -1 ? undefined : this.idle.splice(found, 1)[0]!.runner;
  }

  /** Returns null if there are not enough GPUs free. */
  private start(
    key: string,
    { language, bundle, memoryBytes, gpus: wanted, python = this.options.python }: Wanted,
  ): Runner | null {
    const { count } = this.gpus;
    if (wanted > count) throw new Error(`The function needs ${wanted} GPUs, but this worker has ${count}.`);
    const gpus = this.gpus.take(wanted);
    if (gpus === null) return null;
    const { passEnv, cwd, folder } = this.options;
    const threads = Math.max(1, Math.floor(availableParallelism() / this.size));
    const runner = language.start({ memoryBytes, bundle, passEnv, cwd, python, threads, folder, gpus });
    this.live.add(runner);
    this.keys.set(runner, key);
    void runner.exited.then(() => {
      this.live.delete(runner);
      this.gpus.give(gpus, wanted);
      this.idle = this.idle.filter((each) => each.runner !== runner);
      this.wakeWaiting();
    });
    return runner;
  }

  /** Wakes all waiters: each checks again, in order, so none is missed if another has given up. */
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
