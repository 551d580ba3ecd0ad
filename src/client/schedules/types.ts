/** Schedules: what they are made of, and what readers of them get. Times are ISO 8601 UTC. */
import type { RunInput } from '../../core/input';
import type { RunStatus } from '../../core/status';

/**
 * What happens when a schedule is due while a run of it is under way. `skip`: nothing. `buffer-one`,
 * `buffer-all`: the new run waits (one of them, or all). `cancel-other`, `terminate-other`: the run under way
 * is stopped first. `allow-all`: both run.
 */
export type Overlap = 'skip' | 'buffer-one' | 'buffer-all' | 'cancel-other' | 'terminate-other' | 'allow-all';

/**
 * Times of a calendar. A field that is left out means all of its values; `hour`, `minute` and `second` then
 * mean 0.
 */
export interface CalendarInput {
  second?: CalendarField<number>;
  minute?: CalendarField<number>;
  hour?: CalendarField<number>;
  dayOfMonth?: CalendarField<number>;
  /** `'JANUARY'` … `'DECEMBER'`. */
  month?: CalendarField<string>;
  year?: CalendarField<number>;
  /** `'SUNDAY'` … `'SATURDAY'`. */
  dayOfWeek?: CalendarField<string>;
}

/**
 * A value, a range of them (both ends included, every one unless `step` says otherwise), several of these, or
 * `'*'` for all.
 */
export type CalendarField<Unit> = '*' | CalendarValues<Unit> | CalendarValues<Unit>[];
export type CalendarValues<Unit> = Unit | { start: Unit; end: Unit; step?: number };

/** A schedule to be made. At least one of `cron`, `calendar` and `every` says when it is due. */
export interface ScheduleInput {
  /** What each of its runs is started with. */
  input: RunInput;
  /** Cron expressions of 5 fields (or 6 with a year, 7 with seconds), such as `'30 0 * * *'`. */
  cron?: string | string[];
  calendar?: CalendarInput | CalendarInput[];
  /** An interval such as `'1h'`, counted from the beginning of 1970 UTC. */
  every?: string | number;
  /** IANA time zone of cron, calendar and `$scheduled_date`. Default: the input's, else `'UTC'`. */
  timeZone?: string;
  /** Default `'skip'`. */
  overlap?: Overlap;
  /** Pause when a run ends as FAILURE, or with more failures than it tolerates. Default false. */
  pauseOnFailure?: boolean;
  /** How late a run may start that was due while the server was down, such as `'6h'`. Default `'1d'`. */
  catchupWindow?: string | number;
  note?: string;
  /** Make it paused. Default false. */
  paused?: boolean;
}

/** One time at which a schedule was due. */
export interface ScheduleFiring {
  /** When it was due. */
  scheduledTime: string;
  runId: string;
  /** Null: its run has not started yet. */
  startedAt: string | null;
}

/** A firing whose run was started, and how that stands. */
export interface ScheduledRun extends ScheduleFiring {
  /** Null: the server has forgotten the run. */
  status: RunStatus | null;
}

/** When a schedule is due, as the server keeps it: calendars as cron expressions, intervals as durations. */
export interface ScheduleSpecView {
  cron: string[];
  every: string[];
  timeZone: string;
}

/** A line of `partwise schedule list`. */
export interface ScheduleListing {
  id: string;
  /** Null where only `describe` can tell: for a schedule that was made by Temporal's own tools. */
  function: string | null;
  paused: boolean;
  note: string | null;
  spec: ScheduleSpecView;
  /** When it is due next; null for never. */
  next: string | null;
  /** Its last run. */
  last: Omit<ScheduleFiring, 'startedAt'> | null;
}

/** A schedule, with what it did and will do. */
export interface ScheduleView {
  id: string;
  function: string | null;
  paused: boolean;
  note: string | null;
  spec: ScheduleSpecView;
  overlap: Overlap;
  pauseOnFailure: boolean;
  catchupWindowMs: number;
  taskQueue: string;
  /** What its runs are started with. */
  input: unknown;
  /** When it is due next, up to 10 times; empty when it never is again. */
  next: string[];
  /** Its last runs, up to 10, the oldest first. */
  recent: ScheduledRun[];
  /** Ids of its runs that are under way. */
  running: string[];
  /** Runs that wait until another one has ended. */
  waiting: number;
  /**
   * Firings so far that started a run, that were passed over because of the overlap policy, and that were too
   * late to catch up.
   */
  counts: { started: number; skipped: number; missed: number };
  createdAt: string;
  updatedAt: string | null;
}

/**
 * Schedules of a Temporal server that start runs. Each method that names one throws `NoSuchSchedule` when it
 * is not there.
 */
export interface Schedules {
  /**
   * Makes a schedule. Its runs are named after it: `<id>-2026-11-01T06:00:00Z`. Throws `ScheduleRefused` with
   * every problem, for an id that is taken too.
   */
  create(id: string, schedule: ScheduleInput): Promise<ScheduleView>;
  list(): Promise<ScheduleListing[]>;
  describe(id: string): Promise<ScheduleView>;
  /** No more firings until `unpause`; runs under way go on. */
  pause(id: string, note?: string): Promise<void>;
  unpause(id: string, note?: string): Promise<void>;
  /**
   * One run now, also when the schedule is paused. Resolves when the run has started or waits for another
   * one. Throws `ScheduleRefused` when the overlap policy (the schedule's own by default) passes it over.
   */
  trigger(id: string, options?: { overlap?: Overlap }): Promise<ScheduleFiring>;
  /**
   * Runs for all times between `from` and `to`, both included, at which the schedule was due, also when it is
   * paused. Days and times without an offset are those of its time zone. `overlap` is `'buffer-all'` by
   * default: one run after the other. A time that has a run already (`startedAt` is not null in the answer)
   * gets no other. Throws `ScheduleRefused` when there is no such time, or too many.
   */
  backfill(id: string, options: { from: string; to: string; overlap?: Overlap }): Promise<ScheduleFiring[]>;
  /** Runs that were started stay. */
  delete(id: string): Promise<void>;
}
