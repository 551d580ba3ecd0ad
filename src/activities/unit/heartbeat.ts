/**
 * Heartbeats of a unit. Beats are sent in two ways: through the activity's context, which delivers cancels,
 * and less often through the client, because only its promise reports whether the server accepted the beat.
 */
import { performance } from 'node:perf_hooks';
import { Context } from '@temporalio/activity';
import { ActivityNotFoundError } from '@temporalio/client';
import { earlierErrors, type EarlierError } from '../../core/earlier-errors';
import {
  count,
  flag,
  isObject,
  listOf,
  mapOf,
  orNull,
  shapeOf,
  text,
  type ShapeTest,
} from '../../core/shape';

/** Often enough to notice a cancel within a second. */
const BEAT_MS = 1_000;

/** The heartbeat details of a unit, for its next attempt and for readers of a running unit. */
export interface UnitBeat {
  /** Number of attempts that ended because the function threw, in one-partition units. */
  throws: number;
  /** Number of attempts that ended because of a worker shutdown or a pause. */
  shutdowns: number;
  /** Error types of calls that lost their runner, in one-partition units. */
  losses: string[];
  /**
   * Calls interrupted by lost workers and lost runners, by ordinal, in batches; only for partitions that are
   * not recorded yet.
   */
  interrupted: Record<number, number>;
  /** Errors of calls, by ordinal, of partitions that are not recorded yet. Absent: none. */
  errors?: Record<number, EarlierError[]>;
  /** Number of lost workers that do not count because the unit had made progress. */
  forgiven: number;
  /** Number of partitions recorded when this attempt started. */
  startedWith: number;
  /** Number of the last segment written by this attempt; 0: none. */
  segment: number;
  /** Ordinal of the partition being run; null between partitions. */
  ordinal: number | null;
  /** Number of its call: 1 for the first. */
  call: number | null;
  /** Number of partitions of this unit that have ended. */
  ended: number;
  /** Why the previous attempt failed, if it was not a throw of the function. */
  lastError?: { type: string; message: string };
  /** Why the unit is waiting for its stage; absent if it is not. */
  waiting?: string;
  /**
   * The previous attempt ended because the stage was not writable: this one tests that before it calls the
   * function.
   */
  stageRefused?: true;
  /** The function's latest `context.heartbeat` value. */
  progress?: unknown;
}

/** The initial state, for a first attempt. */
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

const beatShape: { [Name in keyof Required<UnitBeat>]: ShapeTest } = {
  throws: count,
  shutdowns: count,
  losses: listOf(text),
  interrupted: mapOf(count),
  errors: mapOf(earlierErrors),
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
 * Reads what the previous attempt left. Anyone who can write to the namespace can send a heartbeat: invalid
 * fields are ignored.
 */
export function beatFrom(details: unknown): UnitBeat {
  const given = isObject(details) ? details : {};
  const own = Object.entries<ShapeTest>(beatShape).filter(
    ([name, check]) => Object.hasOwn(given, name) && check(given[name]),
  );
  return { ...FIRST_BEAT, ...Object.fromEntries(own.map(([name]) => [name, given[name]])) };
}

export interface Heartbeats {
  /** Changes fields of the beat; sent with the next one. */
  update(change: Partial<UnitBeat>): void;
  /** Sends a beat now, after any beat in progress, so that a subsequent failure includes it. */
  flush(): Promise<void>;
  /** Milliseconds until the server gives up on this attempt, unless it accepts another beat. */
  left(): number;
  stop(): void;
}

/**
 * Sends beats until stopped. `onLost` is called once if no beat was accepted within the heartbeat timeout
 * (the server has given up on this attempt, or cannot be reached), so that its functions stop before those of
 * another attempt start. `poll` returns fields that change too often for `update`; it is called for every
 * beat.
 */
export function startHeartbeats(
  context: Context,
  first: UnitBeat,
  { onLost, poll }: { onLost: (reason: string) => void; poll: () => Partial<UnitBeat> },
): Heartbeats {
  const timeoutMs = context.info.heartbeatTimeoutMs ?? 10_000;
  let beat = first;
  // Not the wall clock, which jumps when a laptop wakes up.
  let acceptedAt = performance.now();
  let asking: Promise<void> | null = null;
  let lost = false;

  const lose = (reason: string): void => {
    if (lost) return;
    lost = true;
    // enforces I12: a worker that cannot reach the server cannot learn that the run was terminated, so it
    // stops its functions on its own.
    onLost(reason);
  };
  const ask = async (): Promise<void> => {
    try {
      await context.client.activity.heartbeat(context.info.taskToken, beat);
      acceptedAt = performance.now();
    } catch (error) {
      // A cancel is also an answer; the context delivers it.
      if (error instanceof Error && error.name === 'ActivityCancelledError') acceptedAt = performance.now();
      else if (error instanceof ActivityNotFoundError) lose('The server no longer has this attempt.');
      else if (performance.now() - acceptedAt > timeoutMs)
        lose('No heartbeat was accepted within the heartbeat timeout.');
    }
  };
  const refresh = (): void => {
    beat = { ...beat, ...poll() };
  };
  const tick = (): void => {
    refresh();
    context.heartbeat(beat);
    const silent = performance.now() - acceptedAt;
    if (asking === null && silent > timeoutMs / 4) {
      asking = ask().finally(() => {
        asking = null;
      });
      // The server does not even reject beats.
    } else if (silent > timeoutMs) lose('No heartbeat was answered within the heartbeat timeout.');
  };
  // No immediate beat: most units of a large run end before the first one is due.
  const timer = setInterval(tick, BEAT_MS);
  return {
    update: (change) => {
      beat = { ...beat, ...change };
    },
    flush: async () => {
      await asking;
      refresh();
      context.heartbeat(beat);
    },
    left: () => timeoutMs - (performance.now() - acceptedAt),
    stop: () => clearInterval(timer),
  };
}

/** Sends heartbeats while `work` runs, for activities without heartbeat details. */
export async function withHeartbeats<T>(context: Context, work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => context.heartbeat(), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
