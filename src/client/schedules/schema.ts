/** Converts a requested schedule to Temporal's options, or reports every problem together (I9). */
import type { CalendarSpec, ScheduleDescription, ScheduleOptions, ScheduleSpec } from '@temporalio/client';
import { z } from 'zod';
import { alternatives, CHOICES } from '../../core/choices';
import { asTemporalCron, cronProblem, DAYS_OF_WEEK, MONTHS } from '../../input/cron';
import { addSentence, explainIssues, fields } from '../../input/explain-issues';
import type { RunInput } from '../../core/input';
import { choice, duration, text, timeZoneSchema } from '../../input/input-schema';
import { given } from '../../input/normalize-input';
import { parseRunInput } from '../../input/parse-input';
import { quote } from '../../core/quote';
import { runIdProblem } from '../../input/run-id';
import { timeZoneName } from '../../input/zoned-time';
import type { Overlap, ScheduleChanges } from './types';

/** Temporal's names for the policies. Its default is also to skip. */
export const OVERLAPS = {
  skip: 'SKIP',
  'buffer-one': 'BUFFER_ONE',
  'buffer-all': 'BUFFER_ALL',
  'cancel-other': 'CANCEL_OTHER',
  'terminate-other': 'TERMINATE_OTHER',
  'allow-all': 'ALLOW_ALL',
} as const satisfies Record<Overlap | (typeof CHOICES.overlap)[number], string>;

/**
 * Temporal's own default is a year. A server on a laptop is often down, and last night's run is worth
 * catching up on; for longer gaps there is backfill, where the user chooses the days.
 */
const CATCHUP_MS = 86_400_000;

export interface ParsedSchedule {
  /** Includes the time zone and the series. */
  input: RunInput;
  spec: ScheduleSpec;
  policies: NonNullable<ScheduleOptions['policies']>;
  state: { paused: boolean; note?: string };
}

export type ScheduleReport = { ok: true; schedule: ParsedSchedule } | { ok: false; problems: string[] };

const overlapSchema = choice(CHOICES.overlap);

export function overlapProblem(overlap: Overlap | undefined): string | null {
  if (overlap === undefined || Object.hasOwn(OVERLAPS, overlap)) return null;
  return `"overlap" is ${quote(overlap)}; it takes ${alternatives(CHOICES.overlap)}.`;
}

function calendarNumber(from: number, to: number) {
  const takes = `a number from ${from} to ${to}, a range such as { "start": ${from}, "end": ${from + 2} }, a list of these, or "*"`;
  return calendarField(z.int({ error: takes }).min(from, { error: takes }).max(to, { error: takes }), takes);
}

function calendarName<const Name extends string>(names: readonly [Name, ...Name[]]) {
  const takes = `a name such as "${names[1]}", a range such as { "start": "${names[1]}", "end": "${names[3]}" }, a list of these, or "*"`;
  const unit = z
    .string({ error: takes })
    .transform((name) => name.toUpperCase())
    .pipe(z.enum(names, { error: takes }));
  return calendarField(unit, takes);
}

function calendarField<Unit extends z.ZodType>(unit: Unit, takes: string) {
  // Always both ends: the SDK treats a range without an end as one that ends at 1.
  const one = unit.transform((value) => ({ start: value, end: value, step: 1 }));
  const range = z.strictObject({ start: unit, end: unit, step: z.int().min(1).default(1) });
  const values = z.union([range, one]);
  const several = values.transform((value) => [value]);
  return z.union([z.literal('*'), several, z.array(values).min(1)], { error: takes }).optional();
}

const CALENDAR = 'an object such as { "hour": 6, "dayOfWeek": "MONDAY" }';
const calendarSchema = fields(CALENDAR, {
  second: calendarNumber(0, 59),
  minute: calendarNumber(0, 59),
  hour: calendarNumber(0, 23),
  dayOfMonth: calendarNumber(1, 31),
  month: calendarName(MONTHS),
  year: calendarNumber(2000, 2100),
  dayOfWeek: calendarName(DAYS_OF_WEEK),
});

const cronSchema = text('a cron expression such as "30 0 * * *"').superRefine((expression, context) => {
  const problem = cronProblem(expression);
  if (problem !== null) addSentence(context, `"cron" is ${quote(expression)}, ${problem}.`);
});

/** Wraps a single value in a list, before parsing so that problems can refer to the value. */
function listOf(value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

const scheduleSchema = fields('an object such as { "input": …, "cron": "30 0 * * *" }', {
  input: z.unknown(),
  cron: z.array(cronSchema),
  calendar: z.array(calendarSchema),
  every: duration('from 1s to 365d', { min: 1000, max: 365 * 86_400_000 }).nullish(),
  timeZone: timeZoneSchema.nullish(),
  overlap: overlapSchema.nullish(),
  pauseOnFailure: z.boolean({ error: 'true or false' }).nullish(),
  catchupWindow: duration('from 10s to 365d', { min: 10_000, max: 365 * 86_400_000 }).nullish(),
  note: z.string({ error: 'a string' }).max(500, { error: 'a string of at most 500 characters' }).nullish(),
  paused: z.boolean({ error: 'true or false' }).nullish(),
});

/** `hasTimes`: the schedule exists, so it has times. */
// enforces I9
export function parseSchedule(id: unknown, raw: unknown, { hasTimes = false } = {}): ScheduleReport {
  const wanted: Partial<Record<string, unknown>> = { ...(raw as object | undefined) };
  const lists = { ...wanted, cron: listOf(wanted.cron), calendar: listOf(wanted.calendar) };
  const parsed = scheduleSchema.safeParse(lists);
  const badId = scheduleIdProblem(id);
  const runInput = withSeries(id, wanted.input);
  const problems = [
    ...(badId === null ? [] : [badId]),
    ...(parsed.success ? [] : explainIssues(parsed.error.issues, lists, 'The schedule')),
    ...acrossFields(lists, hasTimes),
    ...inputProblems(runInput),
  ];
  if (!parsed.success || problems.length > 0) return { ok: false, problems };
  const { cron, calendar, every, overlap, pauseOnFailure, catchupWindow, note, paused } = parsed.data;
  const input = runInput as RunInput;
  const timeZone = timeZoneName(parsed.data.timeZone ?? input.timeZone ?? 'UTC')!;
  return {
    ok: true,
    schedule: {
      input: { ...input, timeZone },
      spec: {
        cronExpressions: cron.flatMap(asTemporalCron),
        calendars: calendar as CalendarSpec[],
        intervals: every == null ? [] : [{ every }],
        timezone: timeZone,
      },
      policies: {
        overlap: OVERLAPS[overlap ?? 'skip'],
        pauseOnFailure: pauseOnFailure ?? false,
        catchupWindow: catchupWindow ?? CATCHUP_MS,
      },
      state: { paused: paused ?? false, ...(note != null && { note }) },
    },
  };
}

/** The problem with a schedule's id, as a sentence, or null if there is none. */
function scheduleIdProblem(id: unknown): string | null {
  if (typeof id !== 'string' || id === '')
    return 'The schedule has no name: give it one, such as "nightly-sales".';
  const problem = runIdProblem(`${id}-2026-11-01T06:00:00Z`);
  if (problem === null) return null;
  return `The schedule cannot be named ${quote(id)}, because its run ids start with its name. ${problem}`;
}

/** The schedule that an existing one is to become: `changes` and, for the rest, what it has. */
export function changedSchedule(
  { spec, policies, state, action }: ScheduleDescription,
  changes: ScheduleChanges,
): ScheduleReport {
  const before = (action.args?.[0] ?? {}) as RunInput;
  const own = {
    overlap: (Object.keys(OVERLAPS) as Overlap[]).find((name) => OVERLAPS[name] === policies.overlap),
    pauseOnFailure: policies.pauseOnFailure,
    catchupWindow: policies.catchupWindow,
    note: state.note,
    timeZone: changes.input?.timeZone ?? (spec.timezone || 'UTC'),
  };
  const input = {
    ...before,
    ...changes.input,
    ...(changes.input?.options != null && { options: { ...before.options, ...changes.input.options } }),
    ...(changes.input?.params != null && { params: { ...before.params, ...changes.input.params } }),
    timeZone: changes.input?.timeZone,
  };
  const wanted = { ...own, ...given(changes), paused: state.paused, input };
  const report = parseSchedule(action.workflowId, wanted, { hasTimes: true });
  const problems = report.ok ? [] : report.problems;
  if (input.function !== before.function) {
    problems.unshift(
      `The schedule runs "${before.function}" and cannot run ${quote(input.function)} instead: create another schedule for it.`,
    );
  }
  if (!report.ok || problems.length > 0) return { ok: false, problems };
  const { schedule } = report;
  const times = givesTimes(wanted) ? schedule.spec : { timezone: schedule.spec.timezone };
  return { ok: true, schedule: { ...schedule, spec: { ...spec, ...times } } };
}

function givesTimes({
  cron,
  calendar,
  every,
}: Partial<Record<'cron' | 'calendar' | 'every', unknown>>): boolean {
  return listOf(cron).length + listOf(calendar).length > 0 || every != null;
}

interface LooseSchedule extends Partial<Record<string, unknown>> {
  cron: unknown[];
  calendar: unknown[];
}

function acrossFields(
  { cron, calendar, every, timeZone, input }: LooseSchedule,
  hasTimes: boolean,
): string[] {
  const problems: string[] = [];
  if (!hasTimes && !givesTimes({ cron, calendar, every })) {
    problems.push(
      'The schedule has no times: give "cron" such as "30 0 * * *", "every" such as "1h", or "calendar".',
    );
  }
  const zone = (input as RunInput | null | undefined)?.timeZone;
  if (timeZone != null && zone != null && timeZone !== zone) {
    problems.push(
      `"timeZone" is ${quote(timeZone)} for the schedule but ${quote(zone)} for its input: give it once, for the schedule.`,
    );
  }
  return problems;
}

/**
 * Runs of a schedule reuse outcomes of its earlier runs, unless the input names another series.
 */
function withSeries(id: unknown, input: unknown): unknown {
  const { onUnchanged, series } = (input ?? {}) as Partial<RunInput>;
  return onUnchanged === 'reuse' && series == null ? { ...(input as RunInput), series: id } : input;
}

function inputProblems(input: unknown): string[] {
  const report = parseRunInput(input);
  const problems = report.ok ? [] : report.problems;
  const { scheduledTime } = (input ?? {}) as Partial<RunInput>;
  if (scheduledTime == null) return problems;
  return [...problems, '"scheduledTime" is set by the schedule for each run: remove it.'];
}
