/** One runner process, as the worker sees it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorInfo } from '../../core/outcome';
import { CallRecord } from '../call-record';
import { Channel } from './channel';
import { exitStuck, explainDeath, outOfMemory, tooMuchOutput, unexpectedMessage } from '../exit-reason';
import { LineReader } from './line-reader';
import { OutputFiles } from './output-files';
import type { ToRunner } from '../protocol';
import { runnerEnvironment } from './environment';

const ENTRY = join(__dirname, 'main.js');
/** V8's limit lies below the cap, so that a heap that grows fails with V8's own words; the rest is Buffers and DuckDB. */
const HEAP_SHARE = 0.9;
const LEAST_HEAP_MB = 64;
/** After death: how long to wait for what is left in its channel. */
const DRAIN_MS = 500;
const STDERR_KEPT = 4096;
/** How long exit handlers may run. */
const EXIT_MS = 10_000;
/** How often the worker says that it is there, and looks at what the runner has written. */
const TICK_MS = 500;

/** How a runner ended. */
export interface RunnerExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  error: ErrorInfo;
}

interface RunnerEvents {
  /** Whatever the runner sent: see `check-message`. */
  message: [unknown];
  /** Twice a second while it lives, and when it has died. */
  tick: [];
}

export class RunnerProcess extends EventEmitter<RunnerEvents> {
  /** Resident bytes, as last reported. */
  rss = 0;
  alive = true;
  /** Settles when the process is gone and everything it said has been emitted. */
  readonly exited: Promise<RunnerExit>;
  /** Which call it is at; what it was at last, when it has ended. */
  readonly calls: CallRecord;
  /** What it, its native code and its children have written. */
  readonly output: OutputFiles;
  /** For how many milliseconds the runner may go on if the worker says nothing more; null: for ever. */
  lease: (() => number) | null = null;
  private readonly child: ChildProcess;
  private readonly channel: Channel;
  private readonly watchdog: Socket;
  private readonly timer: NodeJS.Timeout;
  private killedFor: ErrorInfo | null = null;
  /** Runs while exit handlers do. */
  private exitTimer: NodeJS.Timeout | null = null;

  constructor(
    readonly memoryBytes: number,
    /** Names of variables: see `runnerEnvironment`. */
    passedEnv: readonly string[],
    /** For what it prints, on disk: memory is not the place for what a function may print. */
    folder = tmpdir(),
  ) {
    super();
    this.output = new OutputFiles(folder);
    try {
      this.calls = new CallRecord();
    } catch (error) {
      this.output.close();
      throw error;
    }
    const heapMb = Math.max(LEAST_HEAP_MB, Math.floor((memoryBytes * HEAP_SHARE) / 2 ** 20));
    this.child = spawn(
      process.execPath,
      [`--max-old-space-size=${heapMb}`, '--enable-source-maps', '--no-warnings', ENTRY, String(process.pid)],
      {
        // Leads a process group, so that what the function starts ends with it.
        detached: true,
        stdio: ['ignore', ...this.output.fds, 'pipe', 'pipe', this.calls.fd],
        env: runnerEnvironment(process.env, passedEnv),
      },
    );
    // It could not be started; `exited` tells.
    this.child.on('error', () => undefined);
    this.channel = new Channel(this.child.stdio[3] as Socket, {
      onMessage: (message) => {
        // Exit handlers block the thread that sends: whatever claimed that they run is wrong.
        this.isNotExiting();
        this.emit('message', message);
      },
      onBroken: (why) => this.reject(why),
    });
    this.watchdog = this.child.stdio[4] as Socket;
    this.watchMemory(this.watchdog);
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.exited = this.watchExit();
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  send(message: ToRunner): void {
    this.channel.send(message);
  }

  /** What it sent cannot be acted upon, and nothing that it sends from now on can be trusted. */
  reject(why: string): void {
    void this.kill(unexpectedMessage(why));
  }

  /** Lets the runner go on for as long as its lease says. */
  renewLease(): void {
    if (this.watchdog.writable) this.watchdog.write(this.lease === null ? 'idle\n' : `${this.lease()}\n`);
  }

  /** Ends the runner and everything it started, at once. `reason` becomes the exit's error, unless it is dying of another. */
  async kill(reason?: ErrorInfo): Promise<RunnerExit> {
    if (this.alive) {
      this.killedFor ??= reason ?? null;
      this.killGroup();
    }
    return this.exited;
  }

  private killGroup(): void {
    try {
      if (this.child.pid !== undefined) process.kill(-this.child.pid, 'SIGKILL');
    } catch {
      // The group is empty already.
    }
  }

  private watchMemory(reports: Socket): void {
    const lines = new LineReader((line) => {
      // enforces I5: a handler that never ends would hold the runner, and the run, for good.
      if (line === 'exiting')
        this.exitTimer ??= setTimeout(() => void this.kill(exitStuck(EXIT_MS)), EXIT_MS);
      const rss = Number(line);
      if (Number.isSafeInteger(rss)) this.rss = rss;
    });
    reports.on('error', () => undefined);
    reports.on('data', (bytes: Buffer) => {
      lines.take(bytes);
      // enforces I5
      if (this.rss > this.memoryBytes) void this.kill(outOfMemory(this.memoryBytes, this.rss));
    });
  }

  private isNotExiting(): void {
    if (this.exitTimer !== null) clearTimeout(this.exitTimer);
    this.exitTimer = null;
  }

  private tick(): void {
    if (this.lease !== null) this.renewLease();
    // enforces I5: neither a call nor what one has left behind fills the disk.
    if (this.output.isFull) void this.kill(tooMuchOutput());
    this.emit('tick');
  }

  private async watchExit(): Promise<RunnerExit> {
    const closed = once(this.child, 'close');
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
      this.child.once('exit', (exitCode, exitSignal) => resolve([exitCode, exitSignal]));
      // The process could not be started at all.
      this.child.once('error', () => this.child.pid === undefined && resolve([null, null]));
    });
    this.alive = false;
    this.isNotExiting();
    this.calls.close();
    // enforces I5, I12: what the function started and left behind.
    this.killGroup();
    await Promise.race([closed, sleep(DRAIN_MS, undefined, { ref: false })]);
    clearInterval(this.timer);
    this.emit('tick');
    const stderr = this.output.stderrTail(STDERR_KEPT);
    this.output.close();
    const death = { code, signal, stderr, memoryBytes: this.memoryBytes };
    return { code, signal, error: this.killedFor ?? explainDeath(death) };
  }
}
