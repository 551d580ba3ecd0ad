/** Schedules with their recent and next runs. Times are in the schedule's time zone. */
import type { ScheduledRun, ScheduleFiring, ScheduleListing, ScheduleSpecView, ScheduleView } from '../..';
import { formatDuration } from '../../input/duration';
import { statusColour, type Paint } from '../../display/paint';
import { renderTable, type Cell } from './table';
import { clean, cleanLines, plural, wrapped } from '../../display/text';
import { timeText } from '../../display/measures';

export function renderSchedules(schedules: readonly ScheduleListing[], width: number, paint: Paint): string {
  if (schedules.length === 0) return paint.dim('no schedules yet');
  const columns = ['schedule', 'state', 'function', 'due', 'time zone', 'next', 'last'];
  const rows = schedules.map(({ id, paused, function: name, spec, next, last }): Cell[] => [
    clean(id),
    stateCell(paused, paint),
    clean(name ?? '–'),
    dueText(spec),
    spec.timeZone,
    next === null || paused ? '–' : timeText(next, spec.timeZone),
    last === null ? '–' : timeText(last.scheduledTime, spec.timeZone),
  ]);
  return renderTable(
    columns.map((name) => ({ name })),
    rows,
    width,
    paint,
  );
}

export function renderSchedule(schedule: ScheduleView, width: number, paint: Paint): string {
  const { id, spec, overlap, catchupWindowMs, pauseOnFailure, waiting } = schedule;
  const state = stateCell(schedule.paused, paint);
  const policies = [
    `overlap ${overlap}`,
    `catch-up window ${formatDuration(catchupWindowMs)}`,
    ...(pauseOnFailure ? ['pauses on failure'] : []),
  ];
  const lines = [
    `${paint.bold(clean(id))}  ${state.colour(state.text)}  ${paint.dim(`function ${clean(schedule.function ?? '–')}`)}`,
    `${paint.dim('due')} ${dueText(spec)} ${paint.dim(`(${spec.timeZone}), ${policies.join(', ')}`)}`,
  ];
  if (schedule.note !== null) lines.push(`${paint.dim('note')} ${clean(schedule.note)}`);
  lines.push(`${paint.dim('next')} ${nextText(schedule)}`);
  if (waiting > 0) lines.push(`${plural(waiting, 'run')} ${paint.dim('waiting for other runs to end')}`);
  const { skipped, missed } = schedule.counts;
  if (skipped > 0) lines.push(paint.dim(`${skipped} skipped because a run was in progress`));
  if (missed > 0) lines.push(paint.yellow(`${missed} missed because the server was down for too long`));
  if (schedule.recent.length > 0) lines.push('', renderRecent(schedule.recent, spec, width, paint));
  return [...lines, ...refusalLines(schedule, width, paint)].join('\n');
}

/** Each reason once, with the last time that it was met. */
function refusalLines({ recent, spec }: ScheduleView, width: number, paint: Paint): string[] {
  const reasons = new Map<string, string>();
  for (const { scheduledTime, refused } of recent) {
    if (refused === null) continue;
    const reason = cleanLines(`${refused.type}: ${refused.message}`);
    reasons.set(reason, timeText(scheduledTime, spec.timeZone));
  }
  if (reasons.size === 0) return [];
  const lines = [...reasons].flatMap(([reason, due]) =>
    reason.split('\n').map((line, i) => wrapped(line, width, i === 0 ? `  ${due}  ` : '    ', '    ')),
  );
  return ['', paint.yellow('Starts that were refused, so nothing was run:'), ...lines];
}

/** The runs of a backfill: those it will start, and those that already exist. */
export function renderFirings(
  firings: readonly ScheduleFiring[],
  timeZone: string,
  width: number,
  paint: Paint,
): string {
  const rows = firings.map(({ scheduledTime, runId, startedAt }): Cell[] => [
    timeText(scheduledTime, timeZone),
    clean(runId),
    startedAt === null ? 'will run' : { text: 'already exists', colour: paint.yellow },
  ]);
  return renderTable(
    [{ name: `due (${timeZone})` }, { name: 'run', whole: true }, { name: '' }],
    rows,
    width,
    paint,
  );
}

function renderRecent(
  recent: readonly ScheduledRun[],
  { timeZone }: ScheduleSpecView,
  width: number,
  paint: Paint,
): string {
  const rows = recent.map(({ scheduledTime, runId, startedAt, status, refused }): Cell[] => [
    timeText(scheduledTime, timeZone),
    clean(runId),
    statusCell(status, refused, paint),
    startedAt === null ? '–' : timeText(startedAt, timeZone),
  ]);
  const due = { name: `due (${timeZone})` };
  const columns = [due, { name: 'run', whole: true }, { name: 'status' }, { name: 'started' }];
  return renderTable(columns, rows, width, paint);
}

function statusCell(status: ScheduledRun['status'], refused: ScheduledRun['refused'], paint: Paint): Cell {
  if (status === null) return '–';
  return { text: refused === null ? status : 'refused', colour: statusColour(status, paint) };
}

const MAX_NEXT = 3;

function nextText({ next, spec, paused }: ScheduleView): string {
  if (next.length === 0) return 'never';
  const times = next.slice(0, MAX_NEXT).map((time) => timeText(time, spec.timeZone));
  return `${times.join(', ')}${next.length > MAX_NEXT ? ', …' : ''}${paused ? ' (paused)' : ''}`;
}

function dueText({ cron, every }: ScheduleSpecView): string {
  return [...cron, ...every.map((interval) => `every ${interval}`)].join('; ') || '–';
}

function stateCell(paused: boolean, paint: Paint): { text: string; colour: (text: string) => string } {
  return paused ? { text: 'paused', colour: paint.yellow } : { text: 'on', colour: paint.green };
}
