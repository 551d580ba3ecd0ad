/**
 * Heartbeats of a unit. Every beat goes out twice: through the activity's context, which delivers cancels,
 * and now and then through the client, whose promise alone tells whether the server accepted it.
 */
import { performance } from 'node:perf_hooks';
import { Context } from '@temporalio/activity';
import { ActivityNotFoundError } from '@temporalio/client';
import { count, flag, isObject, listOf, mapOf, orNull, shapeOf, text, type Check } from '../../core/shape';

/** Often enough that a cancel is known within a second. */
const BEAT_MS = 1_000;

/** What a unit's heartbeat carries to its next attempt and to readers of a running unit. */
export interface UnitBeat {
  /** Attempts that a throw of the function ended, in one-partition units. */
  throws: number;
  /** Attempts that a worker's shutdown ended, or a pause. */
  shutdowns: number;
  /** Types of the errors of calls that lost their runner, in one-partition units. */
  losses: string[];
  /** Calls that lost workers interrupted, by ordinal, in batches; of partitions that are not recorded yet. */
  interrupted: Record<number, number>;
  /** Lost workers that are not counted, because the unit had got further before. */
  forgiven: number;
  /** Partitions that were recorded when this attempt began. */
  startedWith: number;
  /** Number of the last segment put by this attempt; 0: none. */
  segment: number;
  /** Ordinal of the partition being run; null between partitions. */
  ordinal: number | null;
  /** Number of its call: 1 for the first. */
  call: number | null;
  /** Partitions of this unit that have ended. */
  ended: number;
  /** Why the attempt before failed, when that was not the function's word. */
  lastError?: { type: string; message: string };
  /** Why the unit waits for its stage; not there: it does not. */
  waiting?: string;
  /**
   * The attempt before ended because the stage took no writes: this one tries that before it calls anything.
   */
  stageRefused?: true;
  /** What the function said with `context.heartbeat`. */
  progress?: unknown;
}

/** A first attempt's state. */
export const FIRST_BEAT: UnitBeat = {
  throws: 0,
  shutdowns: 0,
  losses: [],
  interrupted: {},
  forgiven: 0,
  startedWith: 0,
  segment: 0,
  ordinal: null,
  call: null,
  ended: 0,
};

const beatShape: { [Name in keyof Required<UnitBeat>]: Check } = {
  throws: count,
  shutdowns: count,
  losses: listOf(text),
  interrupted: mapOf(count),
  forgiven: count,
  startedWith: count,
  segment: count,
  ordinal: orNull(count),
  call: orNull(count),
  ended: count,
  lastError: shapeOf<{ type: string; message: string }>({ type: text, message: text }),
  progress: () => true,
  waiting: text,
  stageRefused: flag,
};

/**
 * What the attempt before left. Anybody who may write to the namespace can send a heartbeat: what is not one
 * is passed over.
 */
export function beatFrom(details: unknown): UnitBeat {
  const given = isObject(details) ? details : {};
  const own = Object.entries<Check>(beatShape).filter(
    ([name, check]) => Object.hasOwn(given, name) && check(given[name]),
  );
  return { ...FIRST_BEAT, ...Object.fromEntries(own.map(([name]) => [name, given[name]])) };
}

export interface Heartbeats {
  /** Replaces parts of what is sent from now on; sent with the next beat. */
  update(change: Partial<UnitBeat>): void;
  /** Sends now, and after any beat that is under way, so that a failure that follows carries it. */
  flush(): Promise<void>;
  /** Milliseconds until the server gives this attempt up, unless it accepts another beat. */
  left(): number;
  stop(): void;
}

/**
 * Beats until stopped. `onLost` is called once when no beat was accepted for the heartbeat time-out (the
 * server has given this attempt up, or cannot be reached), so that its functions stop before another
 * attempt's begin. `look`: what changes too often to be told, asked for with every beat.
 */
export function startHeartbeats(
  context: Context,
  first: UnitBeat,
  { onLost, look }: { onLost: (reason: string) => void; look: () => Partial<UnitBeat> },
): Heartbeats {
  const timeoutMs = context.info.heartbeatTimeoutMs ?? 10_000;
  let beat = first;
  // Not the wall clock: that jumps when a laptop wakes up.
  let acceptedAt = performance.now();
  let asking: Promise<void> | null = null;
  let lost = false;

  const lose = (reason: string): void => {
    if (lost) return;
    lost = true;
    // enforces I12: nobody can tell a worker without a server that the run was terminated, so its functions
    // stop by themselves.
    onLost(reason);
  };
  const ask = async (): Promise<void> => {
    try {
      await context.client.activity.heartbeat(context.info.taskToken, beat);
      acceptedAt = performance.now();
    } catch (error) {
      // A cancel is an answer too; the context delivers it.
      if (error instanceof Error && error.name === 'ActivityCancelledError') acceptedAt = performance.now();
      else if (error instanceof ActivityNotFoundError) lose('The server no longer has this attempt.');
      else if (performance.now() - acceptedAt > timeoutMs)
        lose('No heartbeat was accepted within the heartbeat time-out.');
    }
  };
  const lookAgain = (): void => {
    beat = { ...beat, ...look() };
  };
  const tick = (): void => {
    lookAgain();
    context.heartbeat(beat);
    const silent = performance.now() - acceptedAt;
    if (asking === null && silent > timeoutMs / 4) {
      asking = ask().finally(() => {
        asking = null;
      });
      // A server that does not even refuse.
    } else if (silent > timeoutMs) lose('No heartbeat was answered within the heartbeat time-out.');
  };
  // None at once: most units of a large run are over before the first is due.
  const timer = setInterval(tick, BEAT_MS);
  return {
    update: (change) => {
      beat = { ...beat, ...change };
    },
    flush: async () => {
      await asking;
      lookAgain();
      context.heartbeat(beat);
    },
    left: () => timeoutMs - (performance.now() - acceptedAt),
    stop: () => clearInterval(timer),
  };
}

/** Beats while `work` runs, for activities that have nothing to tell. */
export async function withHeartbeats<T>(context: Context, work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => context.heartbeat(), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
