/** Which calls of a unit a runner has started, and which of them are charged when it dies or breaks. */
import type { ErrorInfo } from '../core/outcome';
import { monotonicMs } from './call-record';
import { brokenRunner } from './exit-reason';
import type { Runner } from './runner';
import type { LostCall, UnitRunOptions } from './unit-run-types';

interface Call {
  ordinal: number;
  attempt: number;
}

export class SessionCalls {
  /** Calls that were killed or timed out. */
  readonly lost: LostCall[] = [];
  /** Calls that the runner had started in earlier units. */
  readonly #startedBefore: number;

  constructor(
    private readonly record: Runner['calls'],
    private readonly options: Pick<UnitRunOptions, 'unit' | 'signal'> & {
      ordinals: number[];
      calls: Map<number, number>;
    },
    /** Whether the runner has reported the partition's end. */
    private readonly hasEnded: (ordinal: number) => boolean,
  ) {
    this.#startedBefore = record.read().started;
  }

  get haveStarted(): boolean {
    return this.record.read().started > this.#startedBefore;
  }

  /** The call with a number, or null if it is not one of this unit. */
  of(number: number | undefined): Call | null {
    const { ordinals, unit, calls } = this.options;
    const ordinal = number === undefined ? undefined : ordinals[number - this.#startedBefore];
    if (ordinal === undefined) return null;
    return { ordinal, attempt: unit.priorCalls + (calls.get(ordinal) ?? 0) + 1 };
  }

  /**
   * Charges the call that ran when the runner died, or, if a function is at fault for that, the one that must
   * have left behind why it was killed.
   */
  loseRunning(error: ErrorInfo, { isAtFault }: { isAtFault: boolean }): void {
    const { running } = this.record.read();
    const call = this.of(running?.number) ?? (isAtFault ? this.onlyOpen() : null);
    // A call that it reported as ended may still be on its way to the stage.
    if (call === null || this.hasEnded(call.ordinal)) return;
    const durationMs = running === null ? 0 : Math.round(monotonicMs() - running.startedAt);
    const startedAt = new Date(Date.now() - durationMs).toISOString();
    const cancelled = this.options.signal.aborted;
    this.lost.push({ ...call, startedAt, durationMs, error: cancelled ? null : error });
  }

  /** Charges the call that must have broken the runner, if there is only one. */
  loseBreaking(error: ErrorInfo): void {
    const call = this.onlyOpen();
    if (call === null) return;
    const startedAt = new Date().toISOString();
    this.lost.push({ ...call, startedAt, durationMs: 0, error: brokenRunner(error) });
  }

  /** The call that ended but was not handed over, or null if there is not exactly one. */
  onlyOpen(): Call | null {
    const open = this.#startedHere().filter((ordinal) => !this.hasEnded(ordinal));
    return open.length === 1 ? this.of(this.#startedBefore + this.options.ordinals.indexOf(open[0]!)) : null;
  }

  /** Adds the calls of partitions that were not handed over to those so far. */
  count(ended: ReadonlySet<number>): void {
    const { calls } = this.options;
    for (const ordinal of this.#startedHere())
      if (!ended.has(ordinal)) calls.set(ordinal, (calls.get(ordinal) ?? 0) + 1);
  }

  #startedHere(): number[] {
    return this.options.ordinals.slice(0, this.record.read().started - this.#startedBefore);
  }
}
