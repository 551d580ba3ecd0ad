/** One runner process, as the worker sees it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorInfo } from '../run/outcome';
import { CallRecord } from './call-record';
import { explainDeath, outOfMemory } from './exit-reason';
import type { FromRunner, LogLine, ToRunner } from './protocol';
import type { MemoryReport } from './watchdog';

const ENTRY = join(__dirname, 'runner-main.js');
/** V8's limit lies below the cap, so that a heap that grows fails with V8's own words; the rest is Buffers and DuckDB. */
const HEAP_SHARE = 0.9;
const LEAST_HEAP_MB = 64;
/** After death: how long to wait for what is left in its pipes. */
const DRAIN_MS = 500;
const STDERR_KEPT = 4096;
/** enforces I11: credentials of the worker stay with the worker. */
const SECRET = /^(TEMPORAL_|SNOWFLAKE_|PRIVATE_KEY_PASSPHRASE$|PARTWISE_SECRET|PARTWISE_WORKER$)/i;

/** How a runner ended. */
export interface RunnerExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  error: ErrorInfo;
}

interface RunnerEvents {
  message: [FromRunner];
  /** Output that did not come through the captured console: native code, child processes. */
  output: [LogLine['stream'], string];
}

export class RunnerProcess extends EventEmitter<RunnerEvents> {
  /** Resident bytes, as last reported. */
  rss = 0;
  alive = true;
  /** Settles when the process is gone and everything it said has been emitted. */
  readonly exited: Promise<RunnerExit>;
  /** Which call it is at; what it was at last, when it has ended. */
  readonly calls = new CallRecord();
  private readonly child: ChildProcess;
  private killedFor: ErrorInfo | null = null;
  private stderr = '';

  constructor(readonly memoryBytes: number) {
    super();
    const heapMb = Math.max(LEAST_HEAP_MB, Math.floor((memoryBytes * HEAP_SHARE) / 2 ** 20));
    this.child = spawn(
      process.execPath,
      [`--max-old-space-size=${heapMb}`, '--enable-source-maps', '--no-warnings', ENTRY, String(process.pid)],
      {
        // Leads a process group, so that what the function starts ends with it.
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe', this.calls.fd],
        serialization: 'advanced',
        env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !SECRET.test(name))),
      },
    );
    this.child.on('message', (message) => this.emit('message', message as FromRunner));
    // A send to a process that has just died; `exited` tells.
    this.child.on('error', () => undefined);
    this.readLines(this.child.stdout!, 'stdout');
    this.readLines(this.child.stderr!, 'stderr');
    this.watchMemory(this.child.stdio[4] as Readable);
    this.exited = this.watchExit();
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  send(message: ToRunner): void {
    if (this.child.connected) this.child.send(message, () => undefined);
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

  private readLines(stream: Readable, name: LogLine['stream']): void {
    const decoder = new StringDecoder('utf8');
    let rest = '';
    const take = (text: string): void => {
      if (name === 'stderr') this.stderr = (this.stderr + text).slice(-STDERR_KEPT);
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.emit('output', name, line);
    };
    stream.on('data', (bytes: Buffer) => take(decoder.write(bytes)));
    stream.on('close', () => {
      if (rest !== '') this.emit('output', name, rest);
    });
    stream.on('error', () => undefined);
  }

  private watchMemory(reports: Readable): void {
    let rest = '';
    reports.on('error', () => undefined);
    reports.on('data', (bytes: Buffer) => {
      const lines = (rest + bytes.toString('latin1')).split('\n');
      rest = lines.pop()!;
      const last = lines.at(-1);
      if (last === undefined) return;
      this.rss = (JSON.parse(last) as MemoryReport).rss;
      // enforces I5
      if (this.rss > this.memoryBytes) void this.kill(outOfMemory(this.memoryBytes, this.rss));
    });
  }

  private async watchExit(): Promise<RunnerExit> {
    const closed = once(this.child, 'close');
    const disconnected = new Promise((resolve) => this.child.once('disconnect', resolve));
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
      this.child.once('exit', (exitCode, exitSignal) => resolve([exitCode, exitSignal]));
      // The process could not be started at all.
      this.child.once('error', () => this.child.pid === undefined && resolve([null, null]));
    });
    this.alive = false;
    this.calls.close();
    // enforces I5, I12: what the function started and left behind.
    this.killGroup();
    await Promise.race([Promise.all([closed, disconnected]), sleep(DRAIN_MS, undefined, { ref: false })]);
    const death = { code, signal, stderr: this.stderr, memoryBytes: this.memoryBytes };
    return { code, signal, error: this.killedFor ?? explainDeath(death) };
  }
}
