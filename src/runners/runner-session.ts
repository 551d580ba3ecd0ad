/** Runs part of a unit on one runner: from `unit` to `unitDone`, or to the runner's death. */
import { AsyncResource } from 'node:async_hooks';
import type { ErrorInfo } from '../core/outcome';
import { BadMessage, UnitMessages } from './check-message';
import type { OutputStream } from './output-files';
import { HeldOutRows } from './held-out-rows';
import { OutputReader } from './output-reader';
import type { CallResult, FromRunner, RunnerUnit } from './protocol';
import type { Runner } from './runner';
import { RunnerLimits } from './runner-limits';
import { accessOf } from './runner-unit';
import { SessionCalls } from './session-calls';
import { SessionRequests } from './session-requests';
import { encodeValue } from './tagged-values';
import type { LostCall, UnitRunOptions } from './unit-run-types';

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
  /** The runner's error if a call may have broken it, for example by replacing a global. */
  broken: ErrorInfo | null;
  /** A partition whose call may be why the runner died or broke, although it was calling nothing. */
  suspected: number | null;
  failed: { error: ErrorInfo; retryable: boolean } | null;
}

export async function runOnRunner(options: SessionOptions): Promise<SessionEnd> {
  const { pool, language, unit, memory, signal, drain, fresh, alone } = options;
  let runner: Runner;
  // While it waits for a slot, there is nothing to finish.
  const stop = AbortSignal.any([signal, drain]);
  try {
    const memoryBytes = alone ? memory.alone : memory.each;
    const { digest, python } = unit.function;
    const wanted = {
      language,
      digest,
      bundle: unit.bundle,
      memoryBytes,
      gpus: options.gpus ?? 0,
      python,
    };
    runner = await pool.acquire(wanted, stop, { fresh, alone });
  } catch (error) {
    if (stop.aborted) return notRun();
    throw error;
  }
  const session = new RunnerSession(runner, options);
  try {
    return await session.run();
  } finally {
    await pool.release(runner, { reusable: session.reusable });
  }
}

function notRun(): SessionEnd {
  return { ended: new Set(), lost: [], death: null, broken: null, suspected: null, failed: null };
}

class RunnerSession {
  reusable = false;
  private readonly ended = new Set<number>();
  private readonly calls: SessionCalls;
  private readonly messages: UnitMessages;
  private readonly output: OutputReader;
  private readonly limits: RunnerLimits;
  private segments: Promise<unknown> = Promise.resolve();
  private readonly requests: SessionRequests;
  private readonly heldOut: HeldOutRows;
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
    this.messages = new UnitMessages(options.ordinals, options.unit, options.access);
    this.calls = new SessionCalls(runner.calls, options, (ordinal) => this.messages.hasEnded(ordinal));
    this.requests = new SessionRequests(runner, (error) => this.breakOff(error));
    this.heldOut = new HeldOutRows(options.unit);
    this.limits = new RunnerLimits(runner, {
      signal: options.signal,
      stalledMs: options.pool.stalledMs,
      ordinalOf: ({ number }) => this.calls.of(number)?.ordinal,
      waitedSince: (then) => options.handlers.waitedSince(then),
      onStalled: () => (this.isAtFault = true),
    });
    this.output = new OutputReader(runner.output, (call, stream, text) => this.logOutput(call, stream, text));
  }

  async run(): Promise<SessionEnd> {
    const { runner } = this;
    const { signal, drain, handlers, timeoutMs } = this.options;
    // In this unit's asynchronous context: the process may have been started for another one.
    const onMessage = AsyncResource.bind((message: unknown): void => this.take(message));
    const onTick = AsyncResource.bind((): void => this.check());
    const onAbort = (): void => this.limits.cancel();
    const onDrain = (): void => runner.send({ type: 'drain' });
    const stopListening = runner.listen({ onMessage, onTick });
    signal.addEventListener('abort', onAbort, { once: true });
    drain.addEventListener('abort', onDrain, { once: true });
    runner.setLease(this.options.lease);
    handlers.onSession({
      running: () => this.calls.of(this.runner.calls.read().running?.number),
      holdCalls: () => {
        this.isHeld = true;
        onDrain();
      },
    });
    try {
      runner.send({ type: 'unit', unit: this.unitFor() });
      if (timeoutMs !== null) this.limits.watchTime(timeoutMs);
      if (signal.aborted) this.limits.cancel();
      if (drain.aborted) onDrain();
      const first = await Promise.race([this.settled, runner.exited]);
      // The runner calls nothing more.
      this.throwIfBroken();
      const death = 'error' in first ? first.error : null;
      if (death !== null) this.calls.loseRunning(death, { isAtFault: this.isAtFault });
      this.requests.cancel();
      await this.segments;
      await this.requests.settled();
      this.throwIfBroken();
      const failed = 'failed' in first ? first.failed : null;
      // enforces I5: what fails in a process that has run functions may be their doing.
      const isBroken =
        failed !== null && failed.error.type !== 'SnapshotUnreadable' && runner.calls.read().started > 0;
      if (isBroken && !failed.retryable) this.calls.loseBreaking(failed.error);
      const mayBeLost = (death !== null || isBroken) && this.calls.lost.length === 0;
      const suspected = mayBeLost ? (this.calls.onlyOpen()?.ordinal ?? null) : null;
      this.calls.count(this.ended);
      const broken = isBroken ? failed.error : null;
      return {
        ended: this.ended,
        lost: this.calls.lost,
        death,
        broken,
        suspected,
        failed: isBroken ? null : failed,
      };
    } catch (error) {
      this.reusable = false;
      await runner.kill();
      this.requests.cancel();
      await Promise.allSettled([this.segments, this.requests.settled()]);
      throw error;
    } finally {
      await this.heldOut.close();
      this.limits.stop();
      runner.setLease(null);
      handlers.onSession(null);
      signal.removeEventListener('abort', onAbort);
      drain.removeEventListener('abort', onDrain);
      stopListening();
    }
  }

  private unitFor(): RunnerUnit {
    const { unit, ordinals, calls, cautious, memory, access } = this.options;
    // DuckDB keeps its share of the runner's memory.
    const duckdbMemoryBytes = Math.floor((unit.duckdbMemoryBytes * this.runner.memoryBytes) / memory.each);
    const fileOf = new Map(unit.ordinals.map((ordinal, i) => [ordinal, unit.files?.[i]]));
    const files = unit.files === null ? null : ordinals.map((ordinal) => fileOf.get(ordinal)!);
    const extraCalls = Object.fromEntries(calls);
    return {
      ...unit,
      ...accessOf(access),
      ordinals,
      files,
      extraCalls,
      cautious,
      duckdbMemoryBytes,
    };
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
        return this.requests.reply(message.id, () => Promise.resolve());
      case 'pong':
        // Before its first call, and after its last one, it may be waiting for something that never comes.
        if (this.calls.haveStarted && !this.messages.isComplete) this.limits.active();
        return;
      case 'heartbeat':
        return handlers.onHeartbeat(message.ordinal, message.progress);
      case 'upload':
        return this.requests.reply(message.id, async () => {
          const ref = await handlers.onUpload(message);
          this.messages.stored(ref);
          return ref;
        });
      case 'room':
        return this.requests.reply(message.id, () => handlers.onRoom(message.bytes));
      case 'download':
        return this.requests.reply(message.id, () => handlers.onDownload(message));
      case 'model':
        return this.requests.reply(message.id, () => handlers.onModel(message.partition));
      case 'query':
        return this.requests.ask(message.id, async (signal) => {
          const access = this.options.access!;
          if (message.as === 'file') return access.queryFile(message, signal);
          const { names, rows } = await access.query(message, signal);
          return { names, rows: rows.map((row) => row.map(encodeValue)) };
        });
      case 'rows':
        return this.requests.ask(message.id, (signal) => this.options.access!.rows(message, signal));
      case 'heldOut':
        return this.requests.ask(message.id, async (signal) => {
          if (message.file !== null) await this.messages.checkFile(message.file);
          return this.heldOut.write(message, signal);
        });
      case 'cancelQueries':
        return this.requests.cancel(message.ids);
      case 'segment':
        return this.takeSegment(message);
      case 'unitDone':
        this.reusable = message.reusable && !this.limits.isEnding;
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

  /** Called twice a second, and when the runner has died. */
  private check(): void {
    const { calls, output, alive } = this.runner;
    const { running } = calls.read();
    if (!alive) return this.output.died(running, output);
    this.output.running(calls, output);
    this.limits.checkProgress(running);
  }

  private takeSegment(segment: Extract<FromRunner, { type: 'segment' }>): void {
    const { done, rows, pack } = segment;
    this.limits.active();
    const outcomes: CallResult[] = [];
    for (const each of segment.outcomes) {
      const { ordinal, attempts, startedAt, durationMs, status, error } = each.outcome;
      // A timeout that the function obeyed is charged like one that it ignored.
      if (status === 'INTERNAL_ERROR')
        this.calls.lost.push({ ordinal, attempt: attempts, startedAt, durationMs, error: error! });
      else outcomes.push(each);
    }
    if (done === null && outcomes.length === 0) return;
    this.segments = this.segments
      .then(async () => {
        await this.messages.checkFiles(segment);
        await this.options.handlers.onSegment({ done, outcomes, rows, pack });
        for (const ordinal of done?.ordinals ?? []) this.ended.add(ordinal);
        for (const { outcome } of outcomes) this.ended.add(outcome.ordinal);
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

  private logOutput(call: number | null, stream: OutputStream, text: string): void {
    const { ordinal = null, attempt = null } = this.calls.of(call ?? undefined) ?? {};
    this.options.handlers.onLog([{ at: new Date().toISOString(), ordinal, attempt, stream, text }]);
  }
}
