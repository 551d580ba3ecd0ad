/**
 * A runner, in any language, as a child process of its worker: its life cycle, its limits, and why it ended.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorInfo } from '../core/outcome';
import { CallRecord } from './call-record';
import { Channel } from './channel';
import { runnerEnvironment } from './environment';
import { protocolOf } from './message-shapes';
import {
  type DeathWords,
  exitStuck,
  explainDeath,
  notStarted,
  otherProtocol,
  outOfMemory,
  tooMuchOutput,
  unexpectedMessage,
} from './exit-reason';
import { LineReader } from './line-reader';
import { outOfMemoryKills } from './memory';
import { OutputFiles } from './output-files';
import { PROTOCOL_VERSION, type ToRunner } from './protocol';
import type { Runner, RunnerExit, RunnerListener, RunnerOptions } from './runner';

/** How long to wait, after a runner's death, for the rest of its messages. */
const DRAIN_MS = 500;
const STDERR_KEPT = 4096;
/** How long exit handlers may run. */
const EXIT_MS = 10_000;
/** How often the worker renews the lease and checks the runner's output. */
const TICK_MS = 500;

/** How a language starts its runners. */
export interface Launch {
  command: string;
  args: readonly string[];
  /** Variables that it gets unless the worker's environment has them. */
  environment?: Readonly<Record<string, string>>;
  words: DeathWords;
  /** Takes the lines that its watchdog sends. */
  onReport?: (line: string) => void;
}

export class RunnerProcess implements Runner {
  readonly memoryBytes: number;
  readonly exited: Promise<RunnerExit>;
  readonly calls: CallRecord;
  readonly output: OutputFiles;
  #rss = 0;
  #alive = true;
  /** Whether it has reported the expected protocol version. */
  #isReady = false;
  /** Process groups of the runner: its own, and one that it reported. */
  #groups: number[] = [];
  #lease: (() => number) | null = null;
  #listener: RunnerListener | null = null;
  readonly #words: DeathWords;
  readonly #child: ChildProcess;
  readonly #channel: Channel;
  readonly #watchdog: Socket;
  readonly #timer: NodeJS.Timeout;
  readonly #killsBefore = outOfMemoryKills();
  #killedFor: ErrorInfo | null = null;
  /** Set while exit handlers run. */
  #exitTimer: NodeJS.Timeout | null = null;

  constructor(
    { command, args, environment, words, onReport }: Launch,
    { memoryBytes, passEnv = [], cwd, folder = tmpdir(), gpus = [] }: RunnerOptions,
  ) {
    this.memoryBytes = memoryBytes;
    this.#words = words;
    // On disk, since a function may print too much for memory.
    this.output = new OutputFiles(folder);
    try {
      this.calls = new CallRecord();
    } catch (error) {
      this.output.close();
      throw error;
    }
    this.#child = spawn(command, args, {
      // Leads a process group, so that processes that the function starts end with it.
      detached: true,
      cwd,
      stdio: ['ignore', ...this.output.fds, 'pipe', 'pipe', this.calls.fd],
      env: {
        ...environment,
        ...runnerEnvironment(process.env, passEnv),
        // Before anything is imported: libraries read it once.
        ...(gpus.length > 0 && { CUDA_VISIBLE_DEVICES: gpus.join(',') }),
      },
    });
    // `exited` reports that it could not be started.
    this.#child.on('error', () => undefined);
    if (this.#child.pid !== undefined) this.#groups.push(this.#child.pid);
    this.#channel = new Channel(this.#child.stdio[3] as Socket, {
      onMessage: (message) => {
        // Exit handlers would block the thread that sends messages, so the report that they run was wrong.
        this.#stopExitTimer();
        this.#receive(message);
      },
      onBroken: (why) => this.reject(why),
    });
    this.#watchdog = this.#child.stdio[4] as Socket;
    this.#watchMemory(onReport);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.exited = this.#watchExit();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get rss(): number {
    return this.#rss;
  }

  get alive(): boolean {
    return this.#alive;
  }

  listen(listener: RunnerListener): () => void {
    this.#listener = listener;
    return () => {
      if (this.#listener === listener) this.#listener = null;
    };
  }

  send(message: ToRunner): void {
    this.#channel.send(message);
  }

  reject(why: string): void {
    void this.kill(unexpectedMessage(why));
  }

  askWhere(): void {
    if (this.#watchdog.writable) this.#watchdog.write('where\n');
  }

  setLease(lease: (() => number) | null): void {
    this.#lease = lease;
    this.#renewLease();
  }

  async kill(reason?: ErrorInfo): Promise<RunnerExit> {
    if (this.#alive) {
      this.#killedFor ??= reason ?? null;
      this.#killGroups();
    }
    return this.exited;
  }

  #receive(message: unknown): void {
    if (this.#isReady) return this.#listener?.onMessage(message);
    const version = protocolOf(message);
    if (version === null) this.reject('arrived before the one with its protocol version');
    else if (version === PROTOCOL_VERSION) this.#isReady = true;
    else void this.kill(otherProtocol(version));
  }

  #renewLease(): void {
    if (this.#watchdog.writable) this.#watchdog.write(this.#lease === null ? 'idle\n' : `${this.#lease()}\n`);
  }

  #killGroups(): void {
    for (const group of this.#groups) {
      try {
        process.kill(-group, 'SIGKILL');
      } catch {
        // The group is empty already.
      }
    }
  }

  #watchMemory(onReport: Launch['onReport']): void {
    const lines = new LineReader((line) => {
      onReport?.(line);
      const group = /^group (\d+)$/.exec(line);
      if (group !== null) this.#groups.push(Number(group[1]));
      // enforces I5: a handler that never ends would block the runner, and so the run, forever.
      if (line === 'exiting')
        this.#exitTimer ??= setTimeout(() => void this.kill(exitStuck(EXIT_MS, this.#words)), EXIT_MS);
      const rss = Number(line);
      if (Number.isSafeInteger(rss)) this.#rss = rss;
    });
    this.#watchdog.on('error', () => undefined);
    this.#watchdog.on('data', (bytes: Buffer) => {
      lines.take(bytes);
      // enforces I5
      if (this.#rss > this.memoryBytes) void this.kill(outOfMemory(this.memoryBytes, this.#rss, this.#words));
    });
  }

  #stopExitTimer(): void {
    if (this.#exitTimer !== null) clearTimeout(this.#exitTimer);
    this.#exitTimer = null;
  }

  #tick(): void {
    if (this.#lease !== null) this.#renewLease();
    // enforces I5: neither a call nor its leftovers may fill the disk.
    if (this.output.isFull) void this.kill(tooMuchOutput());
    this.#listener?.onTick?.();
  }

  async #watchExit(): Promise<RunnerExit> {
    // Not `once` of events, which rejects if the process cannot be started.
    const closed = new Promise<void>((resolve) => this.#child.once('close', () => resolve()));
    let problem: Error | null = null;
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
      this.#child.once('exit', (exitCode, exitSignal) => resolve([exitCode, exitSignal]));
      this.#child.once('error', (error) => {
        if (this.#child.pid !== undefined) return;
        problem = error;
        resolve([null, null]);
      });
    });
    this.#alive = false;
    this.#stopExitTimer();
    this.calls.close();
    // enforces I5, I12: ends processes that the function left behind.
    this.#killGroups();
    await Promise.race([closed, sleep(DRAIN_MS, undefined, { ref: false })]);
    clearInterval(this.#timer);
    this.#listener?.onTick?.();
    const stderr = this.output.stderrTail(STDERR_KEPT);
    this.output.close();
    const stack = this.#words.stackOf?.(this.calls.where) ?? null;
    const kills = outOfMemoryKills();
    const memoryRanOut = kills === null || this.#killsBefore === null ? null : kills > this.#killsBefore;
    const death = { code, signal, stderr, memoryBytes: this.memoryBytes, stack, memoryRanOut };
    const explained = problem === null ? explainDeath(death, this.#words) : notStarted(problem);
    const error = this.#killedFor ?? explained;
    return { code, signal, error: { ...error, stack: error.stack ?? stack } };
  }
}
