/** Part of a unit on one runner: from `unit` to `unitDone`, or to the runner's death. */
import { AsyncResource } from 'node:async_hooks';
import type { ErrorInfo } from '../run/outcome';
import { monotonicMs, type RunningCall } from './call-record';
import { endedByCancel, timedOut } from './exit-reason';
import type { RunnerProcess } from './process';
import type { FromRunner, LogLine, RunnerUnit, WarehouseAccess } from './protocol';
import { StageUnavailable } from '../stage';
import type { EndedCall, LostCall, UnitRunOptions } from './unit-run';

/** What the function has between being told to stop and being killed. */
const GRACE_MS = 2_000;
/** What a runner has after that to write down what had ended. */
const HAND_OVER_MS = 10_000;

export interface SessionOptions extends UnitRunOptions {
  ordinals: number[];
  /** Calls so far by ordinal, on top of `priorCalls`; those that were begun here and not handed over are added. */
  calls: Map<number, number>;
  fresh: boolean;
  /** With no other runner in the worker. */
  alone: boolean;
  cautious: boolean;
}

export interface SessionEnd {
  /** Handed over for good. */
  ended: Set<number>;
  /** Killed or timed out. */
  lost: LostCall[];
  /** Why the runner died; null: it lives. */
  death: ErrorInfo | null;
  failed: { error: ErrorInfo; retryable: boolean } | null;
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
  private readonly lost: LostCall[] = [];
  /** Runs out when the call that runs has had its time. */
  private timer: NodeJS.Timeout | null = null;
  private killTimer: NodeJS.Timeout | null = null;
  /** Calls that the runner had begun in units before this one. */
  private readonly begunBefore: number;
  private segments: Promise<unknown> = Promise.resolve();
  private readonly requests = new Set<Promise<unknown>>();
  /** Queries that are running, by the number of the request. */
  private readonly queries = new Map<number, AbortController>();
  private settle!: (end: { failed: SessionEnd['failed'] } | { broken: unknown }) => void;
  private readonly settled = new Promise<{ failed: SessionEnd['failed'] } | { broken: unknown }>(
    (resolve) => (this.settle = resolve),
  );

  constructor(
    private readonly runner: RunnerProcess,
    private readonly options: SessionOptions,
  ) {
    this.begunBefore = runner.calls.read().begun;
  }

  async run(): Promise<SessionEnd> {
    const { runner } = this;
    const { signal, drain, handlers, timeoutMs } = this.options;
    // In this unit's asynchronous context: the process may have been started for another one.
    const onMessage = AsyncResource.bind((message: FromRunner): void => this.receive(message));
    const onOutput = (stream: LogLine['stream'], text: string): void =>
      handlers.onLog([this.lineOf(stream, text)]);
    const onAbort = (): void => this.cancel();
    const onDrain = (): void => runner.send({ type: 'drain' });
    runner.on('message', onMessage).on('output', onOutput);
    signal.addEventListener('abort', onAbort, { once: true });
    drain.addEventListener('abort', onDrain, { once: true });
    handlers.onSession({
      running: () => this.callOf(this.runner.calls.read().running),
      holdCalls: onDrain,
    });
    try {
      runner.send({ type: 'unit', unit: this.unitFor() });
      if (timeoutMs !== null) this.watchTime(timeoutMs, timeoutMs);
      if (signal.aborted) this.cancel();
      if (drain.aborted) onDrain();
      const first = await Promise.race([this.settled, runner.exited]);
      if ('broken' in first) throw first.broken;
      const death = 'error' in first ? first.error : null;
      if (death !== null) this.loseRunning(death);
      this.cancelQueries([...this.queries.keys()]);
      await this.segments;
      await Promise.allSettled(this.requests);
      // A segment's handler may have failed after the runner was done with the unit.
      const broken = await Promise.race([this.settled, Promise.resolve(null)]);
      if (broken !== null && 'broken' in broken) throw broken.broken;
      this.countCalls();
      return { ended: this.ended, lost: this.lost, death, failed: 'failed' in first ? first.failed : null };
    } catch (error) {
      this.reusable = false;
      await runner.kill();
      this.cancelQueries([...this.queries.keys()]);
      await Promise.allSettled([this.segments, ...this.requests]);
      throw error;
    } finally {
      this.stopClocks();
      handlers.onSession(null);
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
    const extraCalls = Object.fromEntries(calls);
    return { ...unit, ordinals, files, extraCalls, cautious, duckdbMemoryBytes };
  }

  private receive(message: FromRunner): void {
    const { handlers } = this.options;
    switch (message.type) {
      case 'log':
        return handlers.onLog(message.lines);
      case 'heartbeat':
        return handlers.onHeartbeat(message.ordinal, message.progress);
      case 'upload':
        return this.reply(message.id, () => handlers.onUpload(message));
      case 'download':
        return this.reply(message.id, () => handlers.onDownload(message));
      case 'model':
        return this.reply(message.id, () => handlers.onModel(message.partition));
      case 'query':
        return this.ask(message.id, (access, signal) => access.query(message, signal));
      case 'rows':
        return this.ask(message.id, (access, signal) => access.rows(message, signal));
      case 'cancelQueries':
        return this.cancelQueries(message.ids);
      case 'segment':
        return this.takeSegment(message);
      case 'unitDone':
        this.reusable = message.reusable && this.killTimer === null;
        return this.settle({ failed: null });
      case 'unitFailed':
        return this.settle({ failed: { error: message.error, retryable: message.retryable } });
    }
  }

  /** Looks again when a call that began now, or the one that runs, would have had its time. */
  private watchTime(timeoutMs: number, afterMs: number): void {
    this.timer = setTimeout(() => {
      if (this.options.signal.aborted) return;
      const { running } = this.runner.calls.read();
      const left = running === null ? timeoutMs : timeoutMs - this.timeOf(running);
      if (running === null || left > 0) return this.watchTime(timeoutMs, left);
      const { ordinal } = this.callOf(running)!;
      this.runner.send({ type: 'abort', reason: 'timeout', ordinal, timeoutMs });
      this.killTimer = setTimeout(() => {
        this.killTimer = null;
        if (this.isAt(running)) void this.runner.kill(timedOut(timeoutMs));
        else this.watchTime(timeoutMs, 0);
      }, GRACE_MS);
    }, afterMs);
  }

  /** What a call has taken so far, without its waits for the stage. */
  private timeOf({ startedAt }: RunningCall): number {
    return monotonicMs() - startedAt - this.options.handlers.waitedSince(startedAt);
  }

  private cancel(): void {
    this.runner.send({ type: 'abort', reason: 'cancelled' });
    const kill = (): void => void this.runner.kill(endedByCancel());
    if (this.killTimer !== null) clearTimeout(this.killTimer);
    // enforces I12
    this.killTimer = setTimeout(() => {
      if (this.runner.calls.read().running !== null) kill();
      // What has ended is being written down.
      else this.killTimer = setTimeout(kill, HAND_OVER_MS);
    }, GRACE_MS);
  }

  private isAt(call: RunningCall): boolean {
    return this.runner.calls.read().running?.number === call.number;
  }

  private stopClocks(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    if (this.killTimer !== null) clearTimeout(this.killTimer);
    this.timer = null;
    this.killTimer = null;
  }

  private takeSegment({ done, outcomes, rows, pack }: Extract<FromRunner, { type: 'segment' }>): void {
    const ended: EndedCall[] = [];
    for (const each of outcomes) {
      const { ordinal, attempts, startedAt, durationMs, status, error } = each.outcome;
      // A time-out that the function obeyed costs the partition as much as one that it did not.
      if (status === 'INTERNAL_ERROR')
        this.lost.push({ ordinal, attempt: attempts, startedAt, durationMs, error: error! });
      else ended.push({ ...each, big: false });
    }
    if (done === null && ended.length === 0) return;
    this.segments = this.segments
      .then(() => this.options.handlers.onSegment({ done, ended, rows, pack }))
      .then(() => {
        for (const ordinal of done?.ordinals ?? []) this.ended.add(ordinal);
        for (const { outcome } of ended) this.ended.add(outcome.ordinal);
      })
      .catch((broken: unknown) => this.settle({ broken }));
  }

  private callOf(running: RunningCall | null): { ordinal: number; attempt: number } | null {
    if (running === null) return null;
    const position = running.number - this.begunBefore;
    return { ordinal: this.options.ordinals[position]!, attempt: running.attempt };
  }

  /** The call that ran when the runner died. */
  private loseRunning(error: ErrorInfo): void {
    const { running } = this.runner.calls.read();
    if (running === null) return;
    const durationMs = Math.round(monotonicMs() - running.startedAt);
    const startedAt = new Date(Date.now() - durationMs).toISOString();
    const cancelled = this.options.signal.aborted;
    this.lost.push({ ...this.callOf(running)!, startedAt, durationMs, error: cancelled ? null : error });
  }

  private countCalls(): void {
    const { ordinals, calls } = this.options;
    const { begun } = this.runner.calls.read();
    for (const ordinal of ordinals.slice(0, begun - this.begunBefore))
      if (!this.ended.has(ordinal)) calls.set(ordinal, (calls.get(ordinal) ?? 0) + 1);
  }

  private reply(id: number, work: () => Promise<unknown>): void {
    const request = work().then(
      (value) => this.runner.send({ type: 'reply', id, value }),
      (error: unknown) => {
        // Nothing that the function did: the unit is handed over.
        if (error instanceof StageUnavailable) return this.settle({ broken: error });
        const { name, message } = error instanceof Error ? error : new Error(String(error));
        const nonRetryable = (error as { nonRetryable?: unknown }).nonRetryable === true;
        this.runner.send({ type: 'reply', id, error: { type: name, message, stack: null, nonRetryable } });
      },
    );
    this.requests.add(request);
    void request.then(() => this.requests.delete(request));
  }

  private ask(id: number, work: (access: WarehouseAccess, signal: AbortSignal) => Promise<unknown>): void {
    const controller = new AbortController();
    this.queries.set(id, controller);
    this.reply(id, () =>
      work(this.options.access!, controller.signal).finally(() => this.queries.delete(id)),
    );
  }

  /** What a function has asked for stops with it. */
  private cancelQueries(ids: readonly number[]): void {
    for (const id of ids) this.queries.get(id)?.abort(new Error('Nobody waits for the query any more.'));
  }

  private lineOf(stream: LogLine['stream'], text: string): LogLine {
    const { ordinal, attempt } = this.callOf(this.runner.calls.read().running) ?? {
      ordinal: null,
      attempt: null,
    };
    return { at: new Date().toISOString(), ordinal, attempt, stream, text };
  }
}
