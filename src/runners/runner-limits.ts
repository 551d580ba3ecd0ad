/** Ends a runner that takes too long: over a call, over its end after a cancel, or without progress. */
import { monotonicMs, type RunningCall } from './call-record';
import { endedByCancel, stalled, timedOut } from './exit-reason';
import type { Runner } from './runner';

/** What the function has between being told to stop and being killed. */
const GRACE_MS = 2_000;
/** A look at a runner, which comes twice a second, that is later than this. */
const LATE_MS = 2_000;
/** What a runner has after that to write down what had ended. */
const HAND_OVER_MS = 10_000;
/** A runner that calls nothing for a tenth of what it has is asked whether it still answers. */
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
  /** Runs out when the call that runs has had its time. */
  private timer: NodeJS.Timeout | null = null;
  private killTimer: NodeJS.Timeout | null = null;
  /** When it was last seen to get on with the unit. */
  private activeAt = monotonicMs();
  private lookedAt = monotonicMs();

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
    // A worker that was itself stopped has seen nothing of what the runner did meanwhile.
    if (now - this.lookedAt > LATE_MS) this.activeAt += now - this.lookedAt;
    this.lookedAt = now;
    if (running !== null) this.activeAt = now;
    const { stalledMs } = this.unit;
    const idleMs = now - this.activeAt;
    // enforces I5: a runner that never gets on would keep its place from others for ever.
    if (idleMs > stalledMs) {
      this.unit.onStalled();
      void this.runner.kill(stalled(stalledMs));
    } else if (idleMs > stalledMs * PING_SHARE) this.runner.send({ type: 'ping' });
  }

  /** Looks again when a call that began now, or the one that runs, would have had its time. */
  watchTime(timeoutMs: number, afterMs = timeoutMs): void {
    this.timer = setTimeout(() => {
      if (this.unit.signal.aborted) return;
      const { running } = this.runner.calls.read();
      const left = running === null ? timeoutMs : timeoutMs - this.timeOf(running);
      if (running === null || left > 0) return this.watchTime(timeoutMs, left);
      const ordinal = this.unit.ordinalOf(running);
      if (ordinal !== undefined) this.runner.send({ type: 'abort', reason: 'timeout', ordinal, timeoutMs });
      this.killTimer = setTimeout(() => {
        this.killTimer = null;
        if (this.isAt(running)) void this.runner.kill(timedOut(timeoutMs));
        else this.watchTime(timeoutMs, 0);
      }, GRACE_MS);
    }, afterMs);
  }

  /** What a call has taken so far, without its waits for the stage. */
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
      // What has ended is being written down.
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
