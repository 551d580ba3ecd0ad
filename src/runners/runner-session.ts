/** Runs part of a unit on one runner: from `unit` to `unitDone`, or to the runner's death. */
import { AsyncResource } from 'node:async_hooks';
import type { ErrorInfo } from '../core/outcome';
import { monotonicMs, type RunningCall } from './call-record';
import { BadMessage, UnitMessages } from './check-message';
import { endedByCancel, stalled, timedOut } from './exit-reason';
import type { OutputStream } from './output-files';
import { OutputReader } from './output-reader';
import type { WarehouseAccess } from '../core/warehouse-access';
import type { FromRunner, RunnerUnit } from './protocol';
import type { Runner } from './runner';
import { StageUnavailable } from '../stage';
import { encodeValue } from './tagged-values';
import type { EndedCall, LostCall, UnitRunOptions } from './unit';

/** The time between asking a function to stop and killing it. */
const GRACE_MS = 2_000;
/** A check of the runner, which happens twice a second, is late after this time. */
const LATE_MS = 2_000;
/** The additional time in which a runner may hand over ended partitions. */
const HAND_OVER_MS = 10_000;
/** A runner that has not called a function for this share of `stalledMs` is pinged. */
const PING_SHARE = 0.1;

export interface SessionOptions extends UnitRunOptions {
  ordinals: number[];
  /**
   * Calls so far by ordinal, in addition to `priorCalls`. Calls that are started here but not handed over are
   * added.
   */
  calls: Map<number, number>;
  fresh: boolean;
  /** Whether it must be the worker's only runner. */
  alone: boolean;
  cautious: boolean;
}

export interface SessionEnd {
  /** Partitions that were handed over. */
  ended: Set<number>;
  /** Calls that were killed or timed out. */
  lost: LostCall[];
  /** Why the runner died, or null if it is alive. */
  death: ErrorInfo | null;
  failed: { error: ErrorInfo; retryable: boolean } | null;
}

export async function runOnRunner(options: SessionOptions): Promise<SessionEnd> {
  const { pool, language, unit, memory, signal, drain, fresh, alone } = options;
  let runner: Runner;
  // While it waits for a slot, there is nothing to finish.
  const stop = AbortSignal.any([signal, drain]);
  try {
    const memoryBytes = alone ? memory.alone : memory.each;
    const { digest } = unit.function;
    runner = await pool.acquire({ language, digest, memoryBytes }, stop, { fresh, alone });
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
  /** Fires when the running call may have timed out. */
  private timer: NodeJS.Timeout | null = null;
  private killTimer: NodeJS.Timeout | null = null;
  /** Calls that the runner had started in earlier units. */
  private readonly startedBefore: number;
  private readonly messages: UnitMessages;
  private readonly output: OutputReader;
  /** When the runner last made progress with the unit. */
  private activeAt = monotonicMs();
  private checkedAt = monotonicMs();
  private segments: Promise<unknown> = Promise.resolve();
  private readonly requests = new Set<Promise<unknown>>();
  /** Running queries, by the id of the request. */
  private readonly queries = new Map<number, AbortController>();
  /** The runner was asked to call nothing more for now, although the unit continues. */
  private isHeld = false;
  /** The runner was killed because of something that a function did to it. */
  private isAtFault = false;
  /**
   * An error of a handler of segments or uploads, which may occur after the runner has finished the unit.
   */
  private broken: { error: unknown } | null = null;
  private settle!: (end: Pick<SessionEnd, 'failed'>) => void;
  private readonly settled = new Promise<Pick<SessionEnd, 'failed'>>((resolve) => (this.settle = resolve));

  constructor(
    private readonly runner: Runner,
    private readonly options: SessionOptions,
  ) {
    this.startedBefore = runner.calls.read().begun;
    this.messages = new UnitMessages(options.ordinals, options.unit, options.access);
    this.output = new OutputReader(runner.output, (call, stream, text) => this.logOutput(call, stream, text));
  }

  async run(): Promise<SessionEnd> {
    const { runner } = this;
    const { signal, drain, handlers, timeoutMs } = this.options;
    // In this unit's asynchronous context: the process may have been started for another one.
    const onMessage = AsyncResource.bind((message: unknown): void => this.take(message));
    const onTick = AsyncResource.bind((): void => this.check());
    const onAbort = (): void => this.cancel();
    const onDrain = (): void => runner.send({ type: 'drain' });
    const stopListening = runner.listen({ onMessage, onTick });
    signal.addEventListener('abort', onAbort, { once: true });
    drain.addEventListener('abort', onDrain, { once: true });
    runner.setLease(this.options.lease);
    handlers.onSession({
      running: () => this.callOf(this.runner.calls.read().running?.number),
      holdCalls: () => {
        this.isHeld = true;
        onDrain();
      },
    });
    try {
      runner.send({ type: 'unit', unit: this.unitFor() });
      if (timeoutMs !== null) this.watchTime(timeoutMs, timeoutMs);
      if (signal.aborted) this.cancel();
      if (drain.aborted) onDrain();
      const first = await Promise.race([this.settled, runner.exited]);
      // The runner calls nothing more.
      this.throwIfBroken();
      const death = 'error' in first ? first.error : null;
      if (death !== null) this.loseRunning(death);
      this.cancelQueries([...this.queries.keys()]);
      await this.segments;
      await Promise.allSettled(this.requests);
      this.throwIfBroken();
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
      runner.setLease(null);
      handlers.onSession(null);
      signal.removeEventListener('abort', onAbort);
      drain.removeEventListener('abort', onDrain);
      stopListening();
    }
  }

  private unitFor(): RunnerUnit {
    const { unit, ordinals, calls, cautious, memory } = this.options;
    // DuckDB keeps its share of the runner's memory.
    const duckdbMemoryBytes = Math.floor((unit.duckdbMemoryBytes * this.runner.memoryBytes) / memory.each);
    const fileOf = new Map(unit.ordinals.map((ordinal, i) => [ordinal, unit.files?.[i]]));
    const files = unit.files === null ? null : ordinals.map((ordinal) => fileOf.get(ordinal)!);
    const extraCalls = Object.fromEntries(calls);
    return { ...unit, ordinals, files, extraCalls, cautious, duckdbMemoryBytes };
  }

  private take(received: unknown): void {
    // A runner whose message was refused is being killed.
    if (this.isAtFault) return;
    try {
      this.receive(this.messages.check(received));
    } catch (error) {
      // enforces I5: a bad message from a function affects only its own runner.
      this.reject(error);
    }
  }

  private reject(error: unknown): void {
    this.isAtFault = true;
    this.runner.reject(
      error instanceof BadMessage ? error.message : `the worker could not process (${String(error)})`,
    );
  }

  private receive(message: ReturnType<UnitMessages['check']>): void {
    const { handlers } = this.options;
    switch (message.type) {
      case 'log':
        // First, what the call wrote directly to the descriptors.
        this.output.running(this.runner.calls, this.runner.output);
        return handlers.onLog(message.lines);
      case 'printed':
        return this.output.ended(message.call, message.from, message.to);
      case 'readOutput':
        return this.reply(message.id, () => Promise.resolve());
      case 'pong':
        // Before its first call, it may be waiting for something that never happens.
        if (this.hasStarted) this.activeAt = monotonicMs();
        return;
      case 'heartbeat':
        return handlers.onHeartbeat(message.ordinal, message.progress);
      case 'upload':
        return this.reply(message.id, async () => {
          const ref = await handlers.onUpload(message);
          this.messages.stored(ref);
          return ref;
        });
      case 'download':
        return this.reply(message.id, () => handlers.onDownload(message));
      case 'model':
        return this.reply(message.id, () => handlers.onModel(message.partition));
      case 'query':
        return this.ask(message.id, async (access, signal) => {
          const { names, rows } = await access.query(message, signal);
          return { names, rows: rows.map((row) => row.map(encodeValue)) };
        });
      case 'rows':
        return this.ask(message.id, (access, signal) => access.rows(message, signal));
      case 'cancelQueries':
        return this.cancelQueries(message.ids);
      case 'segment':
        return this.takeSegment(message);
      case 'unitDone':
        this.reusable = message.reusable && this.killTimer === null;
        if (this.reusable && !this.messages.isComplete && !this.isStopping)
          throw new BadMessage('ends its unit before its partitions have ended');
        return this.settle({ failed: null });
      case 'unitFailed':
        return this.settle({ failed: { error: message.error, retryable: message.retryable } });
    }
  }

  private get isStopping(): boolean {
    return this.isHeld || this.options.signal.aborted || this.options.drain.aborted;
  }

  private get hasStarted(): boolean {
    return this.runner.calls.read().begun > this.startedBefore;
  }

  /** Called twice a second, and when the runner has died. */
  private check(): void {
    const { calls, output, alive } = this.runner;
    const { running } = calls.read();
    if (!alive) return this.output.died(running, output);
    this.output.running(calls, output);
    const now = monotonicMs();
    // A worker that was itself suspended has not seen what the runner did meanwhile.
    if (now - this.checkedAt > LATE_MS) this.activeAt += now - this.checkedAt;
    this.checkedAt = now;
    if (running !== null) this.activeAt = now;
    const { stalledMs } = this.options.pool;
    const idleMs = now - this.activeAt;
    // enforces I5: a runner that makes no progress would occupy its slot forever.
    if (idleMs > stalledMs) {
      this.isAtFault = true;
      void this.runner.kill(stalled(stalledMs));
    } else if (idleMs > stalledMs * PING_SHARE) this.runner.send({ type: 'ping' });
  }

  /** Checks when the running call, or one that started now, would time out. */
  private watchTime(timeoutMs: number, afterMs: number): void {
    this.timer = setTimeout(() => {
      if (this.options.signal.aborted) return;
      const { running } = this.runner.calls.read();
      const left = running === null ? timeoutMs : timeoutMs - this.timeOf(running);
      if (running === null || left > 0) return this.watchTime(timeoutMs, left);
      const ordinal = this.callOf(running.number)?.ordinal;
      if (ordinal !== undefined) this.runner.send({ type: 'abort', reason: 'timeout', ordinal, timeoutMs });
      this.killTimer = setTimeout(() => {
        this.killTimer = null;
        if (this.isAt(running)) void this.runner.kill(timedOut(timeoutMs));
        else this.watchTime(timeoutMs, 0);
      }, GRACE_MS);
    }, afterMs);
  }

  /** The time that a call has taken so far, without its waits for the stage. */
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
      // Ended partitions are being handed over.
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

  private takeSegment(segment: Extract<FromRunner, { type: 'segment' }>): void {
    const { done, outcomes, rows, pack } = segment;
    this.activeAt = monotonicMs();
    const ended: EndedCall[] = [];
    for (const each of outcomes) {
      const { ordinal, attempts, startedAt, durationMs, status, error } = each.outcome;
      // A timeout that the function obeyed is charged like one that it ignored.
      if (status === 'INTERNAL_ERROR')
        this.lost.push({ ordinal, attempt: attempts, startedAt, durationMs, error: error! });
      else ended.push({ ...each, big: false });
    }
    if (done === null && ended.length === 0) return;
    this.segments = this.segments
      .then(async () => {
        await this.messages.checkFiles(segment);
        await this.options.handlers.onSegment({ done, ended, rows, pack });
        for (const ordinal of done?.ordinals ?? []) this.ended.add(ordinal);
        for (const { outcome } of ended) this.ended.add(outcome.ordinal);
      })
      .catch((error: unknown) => {
        if (error instanceof BadMessage) {
          this.messages.refuse(segment);
          return this.reject(error);
        }
        this.breakOff(error);
      });
  }

  private throwIfBroken(): void {
    if (this.broken !== null) throw this.broken.error;
  }

  private breakOff(error: unknown): void {
    this.broken ??= { error };
    this.settle({ failed: null });
  }

  /** The call with a number, or null if it is not one of this unit. */
  private callOf(number: number | undefined): { ordinal: number; attempt: number } | null {
    const { ordinals, unit, calls } = this.options;
    const ordinal = number === undefined ? undefined : ordinals[number - this.startedBefore];
    if (ordinal === undefined) return null;
    return { ordinal, attempt: unit.priorCalls + (calls.get(ordinal) ?? 0) + 1 };
  }

  /**
   * Charges the call that ran when the runner died, or the one that must have left behind why it was killed.
   */
  private loseRunning(error: ErrorInfo): void {
    const { running } = this.runner.calls.read();
    const call = this.callOf(running?.number) ?? (this.isAtFault ? this.onlyOpenCall() : null);
    // A call that it reported as ended may still be on its way to the stage.
    if (call === null || this.messages.hasEnded(call.ordinal)) return;
    const durationMs = running === null ? 0 : Math.round(monotonicMs() - running.startedAt);
    const startedAt = new Date(Date.now() - durationMs).toISOString();
    const cancelled = this.options.signal.aborted;
    this.lost.push({ ...call, startedAt, durationMs, error: cancelled ? null : error });
  }

  /** The call that ended but was not handed over, or null if there is not exactly one. */
  private onlyOpenCall(): { ordinal: number; attempt: number } | null {
    const open = this.startedHere().filter((ordinal) => !this.messages.hasEnded(ordinal));
    return open.length === 1
      ? this.callOf(this.startedBefore + this.options.ordinals.indexOf(open[0]!))
      : null;
  }

  private startedHere(): number[] {
    return this.options.ordinals.slice(0, this.runner.calls.read().begun - this.startedBefore);
  }

  private countCalls(): void {
    const { calls } = this.options;
    for (const ordinal of this.startedHere())
      if (!this.ended.has(ordinal)) calls.set(ordinal, (calls.get(ordinal) ?? 0) + 1);
  }

  private reply(id: number, work: () => Promise<unknown>): void {
    const request = work().then(
      (value) => this.runner.send({ type: 'reply', id, value }),
      (error: unknown) => {
        // Not the function's fault: the unit ends here and is tried again later.
        if (error instanceof StageUnavailable) return this.breakOff(error);
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

  /** Stops queries when their function has ended. */
  private cancelQueries(ids: readonly number[]): void {
    for (const id of ids) this.queries.get(id)?.abort(new Error('The call no longer waits for the query.'));
  }

  private logOutput(call: number | null, stream: OutputStream, text: string): void {
    const { ordinal = null, attempt = null } = this.callOf(call ?? undefined) ?? {};
    this.options.handlers.onLog([{ at: new Date().toISOString(), ordinal, attempt, stream, text }]);
  }
}
