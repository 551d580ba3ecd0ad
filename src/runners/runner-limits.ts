/** Ends a runner that takes too long: over a call, over its end after a cancel, or without progress. */
import { monotonicMs, type RunningCall } from './call-record';
import { endedByCancel, stalled, timedOut } from './exit-reason';
import type { Runner } from './runner';

/** The time between asking a function to stop and killing it. */
const GRACE_MS = 2_000;
/** A check of the runner, which happens twice a second, is late after this time. */
const LATE_MS = 2_000;
/** The additional time in which a runner may hand over ended partitions. */
const HAND_OVER_MS = 10_000;
/** A runner that has not called a function for this share of `stalledMs` is pinged. */
const PING_SHARE = 0.1;

/** What the limits are for. */
interface LimitedUnit {
  /** The unit is cancelled. */
  signal: AbortSignal;
  /** After this time without progress the runner is ended. */
  stalledMs: number;
  /** The partition of a call; undefined: the call is not of this unit. */
  ordinalOf(call: RunningCall): number | undefined;
  waitedSince(then: number): number;
  onStalled(): void;
}

export class RunnerLimits {
  /** Fires when the running call may have timed out. */
  private timer: NodeJS.Timeout | null = null;
  private killTimer: NodeJS.Timeout | null = null;
  /** When the runner last made progress with the unit. */
  private activeAt = monotonicMs();
  private checkedAt = monotonicMs();

  constructor(
    private readonly runner: Runner,
    private readonly unit: LimitedUnit,
  ) {}

  /** Whether a call was told to end, and its runner is killed unless it does. */
  get isEnding(): boolean {
    return this.killTimer !== null;
  }

  /** The runner got on with its unit. */
  active(): void {
    this.activeAt = monotonicMs();
  }

  /** Called twice a second. `running`: the call that the runner is at. */
  checkProgress(running: RunningCall | null): void {
    const now = monotonicMs();
    // A worker that was itself suspended has not seen what the runner did meanwhile.
    if (now - this.checkedAt > LATE_MS) this.activeAt += now - this.checkedAt;
    this.checkedAt = now;
    if (running !== null) this.activeAt = now;
    const { stalledMs } = this.unit;
    const idleMs = now - this.activeAt;
    // enforces I5: a runner that makes no progress would occupy its slot forever.
    if (idleMs > stalledMs) {
      this.unit.onStalled();
      void this.runner.kill(stalled(stalledMs));
    } else if (idleMs > stalledMs * PING_SHARE) this.runner.send({ type: 'ping' });
  }

  /** Checks when the running call, or one that started now, would time out. */
  watchTime(timeoutMs: number, afterMs = timeoutMs): void {
    this.timer = setTimeout(() => {
      if (this.unit.signal.aborted) return;
      const { running } = this.runner.calls.read();
      const left = running === null ? timeoutMs : timeoutMs - this.timeOf(running);
      if (running === null || left > 0) return this.watchTime(timeoutMs, left);
      const ordinal = this.unit.ordinalOf(running);
      // Before it ends the call: a call that does not end is killed where it is.
      this.runner.askWhere();
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
    return monotonicMs() - startedAt - this.unit.waitedSince(startedAt);
  }

  /** The running call gets two seconds, then what has ended gets ten to be written down. */
  cancel(): void {
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

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    if (this.killTimer !== null) clearTimeout(this.killTimer);
    this.timer = null;
    this.killTimer = null;
  }
}
