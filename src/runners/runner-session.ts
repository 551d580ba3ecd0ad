/** Part of a unit on one runner: from `unit` to `unitDone`, or to the runner's death. */
import type { ArtifactRef } from '../run/files';
import type { ErrorInfo } from '../run/outcome';
import { endedByCancel, timedOut } from './exit-reason';
import type { RunnerProcess } from './process';
import type { FromRunner, LogLine, RunnerUnit } from './protocol';
import type { EndedPartition, UnitRunOptions } from './unit-run';

/** What the function has between being told to stop and being killed. */
const GRACE_MS = 2_000;
/** What a runner has after that to write down what had ended. */
const HAND_OVER_MS = 10_000;

export interface SessionOptions extends UnitRunOptions {
  ordinals: number[];
  /** Calls so far by ordinal, on top of `priorCalls`; counted up here. */
  calls: Map<number, number>;
  fresh: boolean;
  /** With no other runner in the worker. */
  alone: boolean;
  cautious: boolean;
}

export interface SessionEnd {
  /** Handed over for good. */
  ended: Set<number>;
  /** Killed or timed out, with what is recorded if it was the last time. */
  lost: { ordinal: number; ended: EndedPartition }[];
  /** Why the runner died; null: it lives. */
  death: ErrorInfo | null;
  failed: { error: ErrorInfo; retryable: boolean } | null;
}

/** The call that is running. */
interface Call {
  ordinal: number;
  id: string;
  rows: number;
  attempt: number;
  startedAt: number;
}

export async function runOnRunner(options: SessionOptions): Promise<SessionEnd> {
  const { pool, unit, memory, signal, drain, fresh, alone } = options;
  let runner: RunnerProcess;
  // Who waits for a place has nothing to finish.
  const stop = AbortSignal.any([signal, drain]);
  try {
    const bytes = alone ? memory.alone : memory.each;
    runner = await pool.acquire(unit.function.digest, bytes, stop, { fresh, alone });
  } catch (error) {
    if (stop.aborted) return { ended: new Set(), lost: [], death: null, failed: null };
    throw error;
  }
  const session = new RunnerSession(runner, options);
  try {
    return await session.run();
  } finally {
    await pool.release(runner, { reusable: session.reusable });
  }
}

class RunnerSession {
  reusable = false;
  private readonly ended = new Set<number>();
  private readonly lost: SessionEnd['lost'] = [];
  private call: Call | null = null;
  private readonly attempts = new Map<number, number>();
  private readonly artifacts = new Map<number, ArtifactRef[]>();
  private timer: NodeJS.Timeout | null = null;
  private killTimer: NodeJS.Timeout | null = null;
  private segments: Promise<unknown> = Promise.resolve();
  private readonly requests = new Set<Promise<unknown>>();
  private settle!: (end: { failed: SessionEnd['failed'] } | { broken: unknown }) => void;
  private readonly settled = new Promise<{ failed: SessionEnd['failed'] } | { broken: unknown }>(
    (resolve) => (this.settle = resolve),
  );

  constructor(
    private readonly runner: RunnerProcess,
    private readonly options: SessionOptions,
  ) {}

  async run(): Promise<SessionEnd> {
    const { runner } = this;
    const { signal, drain } = this.options;
    const onMessage = (message: FromRunner): void => this.receive(message);
    const onOutput = (stream: LogLine['stream'], text: string): void => this.log([this.lineOf(stream, text)]);
    const onAbort = (): void => this.cancel();
    const onDrain = (): void => runner.send({ type: 'drain' });
    runner.on('message', onMessage).on('output', onOutput);
    signal.addEventListener('abort', onAbort, { once: true });
    drain.addEventListener('abort', onDrain, { once: true });
    try {
      runner.send({ type: 'unit', unit: this.unitFor() });
      if (signal.aborted) this.cancel();
      if (drain.aborted) onDrain();
      const first = await Promise.race([this.settled, runner.exited]);
      if ('broken' in first) throw first.broken;
      const death = 'error' in first ? first.error : null;
      if (death !== null) this.loseCurrent(death);
      await this.segments;
      await Promise.allSettled(this.requests);
      // A segment's handler may have failed after the runner was done with the unit.
      const broken = await Promise.race([this.settled, Promise.resolve(null)]);
      if (broken !== null && 'broken' in broken) throw broken.broken;
      return { ended: this.ended, lost: this.lost, death, failed: 'failed' in first ? first.failed : null };
    } catch (error) {
      this.reusable = false;
      await runner.kill();
      await Promise.allSettled([this.segments, ...this.requests]);
      throw error;
    } finally {
      this.stopClocks();
      signal.removeEventListener('abort', onAbort);
      drain.removeEventListener('abort', onDrain);
      runner.off('message', onMessage).off('output', onOutput);
    }
  }

  private unitFor(): RunnerUnit {
    const { unit, ordinals, calls, cautious, memory } = this.options;
    // DuckDB keeps its share.
    const duckdbMemoryBytes = Math.floor((unit.duckdbMemoryBytes * this.runner.memoryBytes) / memory.each);
    const fileOf = new Map(unit.ordinals.map((ordinal, i) => [ordinal, unit.files?.[i]]));
    const files = unit.files === null ? null : ordinals.map((ordinal) => fileOf.get(ordinal)!);
    return { ...unit, ordinals, files, extraCalls: Object.fromEntries(calls), cautious, duckdbMemoryBytes };
  }

  private receive(message: FromRunner): void {
    switch (message.type) {
      case 'start':
        return this.begin(message);
      case 'ended':
        return this.end();
      case 'log':
        return this.log(message.lines);
      case 'heartbeat':
        return this.options.handlers.onHeartbeat(message.ordinal, message.progress);
      case 'upload':
        return this.upload(message);
      case 'download':
        return this.reply(message.id, () => this.options.handlers.onDownload(message));
      case 'segment':
        return this.takeSegment(message);
      case 'unitDone':
        this.reusable = message.reusable && this.killTimer === null;
        return this.settle({ failed: null });
      case 'unitFailed':
        return this.settle({ failed: { error: message.error, retryable: message.retryable } });
    }
  }

  private begin({ ordinal, id, rows }: Extract<FromRunner, { type: 'start' }>): void {
    this.end();
    const { calls, unit, timeoutMs, handlers } = this.options;
    const attempt = unit.priorCalls + (calls.get(ordinal) ?? 0) + 1;
    calls.set(ordinal, (calls.get(ordinal) ?? 0) + 1);
    this.attempts.set(ordinal, attempt);
    this.artifacts.set(ordinal, []);
    this.call = { ordinal, id, rows, attempt, startedAt: Date.now() };
    if (timeoutMs !== null) this.timer = setTimeout(() => this.timeOut(ordinal, timeoutMs), timeoutMs);
    handlers.onStart(ordinal, attempt);
  }

  private end(): void {
    this.call = null;
    this.stopClocks();
    if (this.options.signal.aborted) this.killAfter(HAND_OVER_MS, endedByCancel());
  }

  private timeOut(ordinal: number, timeoutMs: number): void {
    this.runner.send({ type: 'abort', reason: 'timeout', ordinal, timeoutMs });
    this.killAfter(GRACE_MS, timedOut(timeoutMs));
  }

  private cancel(): void {
    this.runner.send({ type: 'abort', reason: 'cancelled' });
    // enforces I12
    this.killAfter(GRACE_MS, endedByCancel());
  }

  private killAfter(ms: number, error: ErrorInfo): void {
    if (this.killTimer !== null) clearTimeout(this.killTimer);
    this.killTimer = setTimeout(() => void this.runner.kill(error), ms);
  }

  private stopClocks(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    if (this.killTimer !== null) clearTimeout(this.killTimer);
    this.timer = null;
    this.killTimer = null;
  }

  private takeSegment({ outcomes, rows }: Extract<FromRunner, { type: 'segment' }>): void {
    const recorded: EndedPartition[] = [];
    for (const { outcome, ...retry } of outcomes) {
      const artifacts = this.artifacts.get(outcome.ordinal) ?? [];
      const ended = { ...retry, outcome: { ...outcome, artifacts }, big: false };
      // A time-out that the function obeyed costs the partition as much as one that it did not.
      if (outcome.status === 'INTERNAL_ERROR')
        this.lose(outcome.ordinal, { ...ended, outcome: { ...ended.outcome, artifacts: [] } });
      else recorded.push(ended);
    }
    if (recorded.length === 0) return;
    this.segments = this.segments
      .then(() => this.options.handlers.onSegment(recorded, rows))
      .then(() => recorded.forEach(({ outcome }) => this.ended.add(outcome.ordinal)))
      .catch((broken: unknown) => this.settle({ broken }));
  }

  private loseCurrent(error: ErrorInfo): void {
    if (this.call === null) return;
    const { ordinal, id, rows, attempt, startedAt } = this.call;
    const cancelled = this.options.signal.aborted;
    this.lose(ordinal, {
      outcome: {
        ordinal,
        id,
        status: cancelled ? 'CANCELLED' : 'INTERNAL_ERROR',
        attempts: attempt,
        rows,
        startedAt: new Date(startedAt).toISOString(),
        durationMs: Date.now() - startedAt,
        preview: null,
        outputRows: 0,
        artifacts: [],
        error: cancelled ? null : error,
        reused: false,
      },
      retryable: false,
      retryDelayMs: null,
      big: false,
    });
  }

  private lose(ordinal: number, ended: EndedPartition): void {
    this.lost.push({ ordinal, ended });
  }

  private upload(message: Extract<FromRunner, { type: 'upload' }>): void {
    const { ordinal, partitionId, name, file, codec } = message;
    // The list of this call: a later one of the partition begins a new list.
    const artifacts = this.artifacts.get(ordinal);
    const call = this.attempts.get(ordinal) ?? 1;
    this.reply(message.id, async () => {
      const stored = await this.options.handlers.onUpload({ ordinal, partitionId, call, name, file, codec });
      artifacts?.push(stored);
    });
  }

  private reply(id: number, work: () => Promise<unknown>): void {
    const request = work().then(
      (value) => this.runner.send({ type: 'reply', id, value }),
      (error: unknown) => {
        const { name, message } = error instanceof Error ? error : new Error(String(error));
        this.runner.send({ type: 'reply', id, error: { type: name, message, stack: null } });
      },
    );
    this.requests.add(request);
    void request.then(() => this.requests.delete(request));
  }

  private lineOf(stream: LogLine['stream'], text: string): LogLine {
    return { at: new Date().toISOString(), ordinal: this.call?.ordinal ?? null, stream, text };
  }

  private log(lines: LogLine[]): void {
    this.options.handlers.onLog(
      lines.map((line) => ({
        ...line,
        attempt: line.ordinal === null ? null : (this.attempts.get(line.ordinal) ?? null),
      })),
    );
  }
}
