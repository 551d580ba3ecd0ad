/** Types of schedules. Times are ISO 8601 UTC. */
import type { RunInput } from '../../core/input';
import type { ErrorInfo } from '../../core/outcome';
import type { RunStatus } from '../../core/status';

/**
 * What happens when a schedule is due while one of its runs is in progress. `skip`: the new run is not
 * started. `buffer-one`, `buffer-all`: the new run waits (at most one, or all of them). `cancel-other`,
 * `terminate-other`: the run in progress is stopped first. `allow-all`: both run.
 */
export type Overlap = 'skip' | 'buffer-one' | 'buffer-all' | 'cancel-other' | 'terminate-other' | 'allow-all';

/**
 * Calendar times: those that match every field. An omitted field matches all values, except that `hour`,
 * `minute` and `second` default to 0.
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
 * A value, a range (inclusive at both ends, with a step of 1 by default), a list of these, or `'*'` for all.
 */
export type CalendarField<Unit> = '*' | CalendarValues<Unit> | CalendarValues<Unit>[];
export type CalendarValues<Unit> = Unit | { start: Unit; end: Unit; step?: number };

/** A schedule to create. At least one of `cron`, `calendar` and `every` is required. */
export interface ScheduleInput {
  /** Input of each of its runs. */
  input: RunInput;
  /**
   * Cron expressions with 5 fields (6 with a year, 7 with seconds), such as `'30 0 * * *'`. As in cron, where
   * both the day of the month and the day of the week are restricted, a day that matches either is due.
   */
  cron?: string | string[];
  calendar?: CalendarInput | CalendarInput[];
  /** An interval such as `'1h'`, counted from the start of 1970 UTC. */
  every?: string | number;
  /** IANA time zone of cron, calendar and `$scheduled_date`. Default: the input's, else `'UTC'`. */
  timeZone?: string;
  /** Default `'skip'`. */
  overlap?: Overlap;
  /** Pause when a run ends as FAILURE, or with more failures than it tolerates. Default false. */
  pauseOnFailure?: boolean;
  /** How late a run missed while the server was down may still start, such as `'6h'`. Default `'1d'`. */
  catchupWindow?: string | number;
  note?: string;
  /** Create the schedule paused. Default false. */
  paused?: boolean;
}

/**
 * What to change about a schedule. Settings that are left out stay. `cron`, `calendar` and `every` replace
 * all times at once. Of `input`, `options` and `params` are merged by name; its function cannot be changed.
 */
export interface ScheduleChanges extends Partial<Omit<ScheduleInput, 'input' | 'paused'>> {
  input?: Partial<RunInput>;
}

/** One time at which a schedule was due. */
export interface ScheduleFiring {
  /** When it was due. */
  scheduledTime: string;
  runId: string;
  /** Null if its run has not started yet. */
  startedAt: string | null;
}

/** A firing whose run was started, with the run's status. */
export interface ScheduledRun extends ScheduleFiring {
  /** Null if the server has deleted the run. */
  status: RunStatus | null;
  /** Why the run was refused, such as a missing table; null if it was not. No partition was started then. */
  refused: ErrorInfo | null;
}

/** When a schedule is due: calendars as cron expressions, intervals as durations. */
export interface ScheduleSpecView {
  cron: string[];
  every: string[];
  timeZone: string;
}

/** A line of `partwise schedule list`. */
export interface ScheduleListing {
  id: string;
  /** Null for a schedule created with Temporal's own tools; `describe` returns its function. */
  function: string | null;
  paused: boolean;
  note: string | null;
  spec: ScheduleSpecView;
  /** When it is next due, or null if never. */
  next: string | null;
  /** Its last run. */
  last: Omit<ScheduleFiring, 'startedAt'> | null;
}

/** A schedule with its recent and next runs. */
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
  /** Input of its runs. */
  input: unknown;
  /** The next times it is due, up to 10; empty if there are none. */
  next: string[];
  /** Its latest runs, up to 10, oldest first. */
  recent: ScheduledRun[];
  /** Ids of its runs in progress. */
  running: string[];
  /** Number of runs waiting for another one to end. */
  waiting: number;
  /**
   * Number of firings that started a run, were skipped by the overlap policy, or were too late to catch up.
   */
  counts: { started: number; skipped: number; missed: number };
  createdAt: string;
  updatedAt: string | null;
}

/**
 * The schedules on a Temporal server that start runs. Methods that take an id throw `NoSuchSchedule` if it
 * does not exist.
 */
export interface Schedules {
  /**
   * Creates a schedule. Its run ids have the form `<id>-2026-11-01T06:00:00Z`. Throws `ScheduleRefused` with
   * every problem, including an id that already exists, and a function that the project's functions file does
   * not have.
   */
  create(id: string, schedule: ScheduleInput): Promise<ScheduleView>;
  /**
   * Changes a schedule; its runs and its state (paused or not) stay. Runs that wait for another one to end
   * start with the new input. Throws `ScheduleRefused` with every problem, without changing anything.
   */
  update(id: string, changes: ScheduleChanges): Promise<ScheduleView>;
  list(): Promise<ScheduleListing[]>;
  describe(id: string): Promise<ScheduleView>;
  /** Stops firing until `unpause`; runs in progress continue. Without a note, that says who paused it. */
  pause(id: string, note?: string): Promise<void>;
  unpause(id: string, note?: string): Promise<void>;
  /**
   * Starts one run now, even if the schedule is paused. Resolves when the run has started or is waiting for
   * another one. Throws `ScheduleRefused` if the overlap policy (by default the schedule's own) skips it.
   */
  trigger(id: string, options?: { overlap?: Overlap }): Promise<ScheduleFiring>;
  /**
   * Starts runs for all times from `from` to `to`, inclusive, at which the schedule was due, even if it is
   * paused. Days, and times without an offset, are in its time zone. By default `overlap` is `'buffer-all'`:
   * one run after another. Times that already have a run are skipped (their `startedAt` in the result is not
   * null). Throws `ScheduleRefused` if there is no such time, or if there are too many.
   */
  backfill(id: string, options: { from: string; to: string; overlap?: Overlap }): Promise<ScheduleFiring[]>;
  /** What `backfill` would start, with the same refusals; starts nothing. */
  previewBackfill(id: string, options: { from: string; to: string }): Promise<ScheduleFiring[]>;
  /** Its runs are kept. */
  delete(id: string): Promise<void>;
}
