/** Cron expressions: validating one, converting it for Temporal, and writing a calendar as one. */
import { quote } from '../core/quote';

interface Field {
  name: string;
  from: number;
  to: number;
  /** Names of the numbers; the first name is for `from`. */
  names?: readonly string[];
}

export const MONTHS = [
  'JANUARY',
  'FEBRUARY',
  'MARCH',
  'APRIL',
  'MAY',
  'JUNE',
  'JULY',
  'AUGUST',
  'SEPTEMBER',
  'OCTOBER',
  'NOVEMBER',
  'DECEMBER',
] as const;
export const DAYS_OF_WEEK = [
  'SUNDAY',
  'MONDAY',
  'TUESDAY',
  'WEDNESDAY',
  'THURSDAY',
  'FRIDAY',
  'SATURDAY',
] as const;

const SECOND: Field = { name: 'second', from: 0, to: 59 };
const FIVE: readonly Field[] = [
  { name: 'minute', from: 0, to: 59 },
  { name: 'hour', from: 0, to: 23 },
  { name: 'day of the month', from: 1, to: 31 },
  { name: 'month', from: 1, to: 12, names: MONTHS },
  // 7 is Sunday, like 0.
  { name: 'day of the week', from: 0, to: 7, names: DAYS_OF_WEEK },
];
const YEAR: Field = { name: 'year', from: 2000, to: 2100 };

const SHORTHANDS = ['@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly', '@annually'];
const EXAMPLE = '"30 0 * * *" (half past midnight, every day)';

/** The problem with an expression, as a phrase to follow `"cron" is "…", `, or null if it is valid. */
export function cronProblem(expression: string): string | null {
  const numbered = /^[^#]*?(\S+#\S*)/.exec(expression)?.[1];
  if (numbered !== undefined)
    return `with ${quote(numbered)}, where "#" begins a comment: put a space before a comment. Cron has no such thing as the second Monday of a month`;
  // A # starts a comment.
  const text = expression.split('#')[0]!.trim();
  if (/^(CRON_)?TZ=/i.test(text)) return 'with a time zone inside: give it as "timeZone" instead';
  if (/^@every\b/i.test(text)) return 'which is an interval: give it as "every", such as "1h", instead';
  if (text.startsWith('@')) {
    return SHORTHANDS.includes(text)
      ? null
      : `which is not a known shorthand; use one of ${SHORTHANDS.join(', ')}`;
  }
  const parts = text.split(/\s+/).filter((part) => part !== '');
  const fields = fieldsOf(parts.length);
  if (fields === null) {
    const names = FIVE.map(({ name }) => name).join(', ');
    return `which has ${parts.length} ${parts.length === 1 ? 'field' : 'fields'}; it takes 5: ${names}, such as ${EXAMPLE}`;
  }
  for (const [i, part] of parts.entries()) {
    const field = fields[i]!;
    if (!part.split(',').every((item) => isItem(item, field))) return `whose ${wrongField(part, field)}`;
    const step = part.split(',').find((item) => stepOf(item) > field.to - field.from);
    if (step !== undefined)
      return `whose ${field.name} is ${quote(part)}, with a step that leaves the field after one value; steps are from 1 to ${field.to - field.from}`;
  }
  return isNeverDue(parts, fields)
    ? `which is never due: no month of it has a day ${parts[indexOf(fields, 'day of the month')]}`
    : null;
}

/** Whether its days are in none of its months, such as a 31st of April. */
function isNeverDue(parts: readonly string[], fields: readonly Field[]): boolean {
  // Else its days of the week are enough.
  if (asTemporalCron(parts.join(' ')).length > 1) return false;
  const valuesOf = (name: string): number[] => {
    const at = indexOf(fields, name);
    return at === -1 ? [2000] : parts[at]!.split(',').flatMap((item) => valuesIn(item, fields[at]!));
  };
  const days = valuesOf('day of the month');
  const months = valuesOf('month');
  const daysIn = (year: number, month: number): number => new Date(Date.UTC(year, month, 0)).getUTCDate();
  return !valuesOf('year').some((year) =>
    months.some((month) => days.some((day) => day <= daysIn(year, month))),
  );
}

function indexOf(fields: readonly Field[], wanted: string): number {
  return fields.findIndex(({ name }) => name === wanted);
}

function stepOf(item: string): number {
  return Number(item.split('/')[1] ?? 1);
}

/** The numbers that a valid item of a field means. */
function valuesIn(item: string, field: Field): number[] {
  const range = item.split('/')[0]!;
  const [first, last = item.includes('/') ? field.to : first] =
    range === '*' ? [field.from, field.to] : range.split('-').map((end) => numberOf(end, field)!);
  const values: number[] = [];
  for (let value = first!; value <= last!; value += stepOf(item)) values.push(value);
  return values;
}

/**
 * The expressions that mean to Temporal what a valid one means to cron. Where both the day of the month and
 * the day of the week are restricted (do not start with `*`), cron takes the days that match either of them;
 * Temporal would take those that match both.
 */
export function asTemporalCron(expression: string): string[] {
  const [text, ...comment] = expression.split('#');
  const parts = text!.trim().split(/\s+/);
  const fields = fieldsOf(parts.length);
  const dayOfMonth = indexOf(fields ?? [], 'day of the month');
  const dayOfWeek = indexOf(fields ?? [], 'day of the week');
  const isRestricted = (at: number): boolean => at >= 0 && !parts[at]!.startsWith('*');
  if (!isRestricted(dayOfMonth) || !isRestricted(dayOfWeek)) return [expression];
  return [dayOfWeek, dayOfMonth].map((at) => [parts.with(at, '*').join(' '), ...comment].join(' #'));
}

function wrongField(text: string, { name, from, to, names }: Field): string {
  const named = names === undefined ? '' : ` (or names, such as ${names[1]!.slice(0, 3)})`;
  const examples = `${from}, ${from},${from + 2}, ${from}-${from + 4}, */2 or *`;
  return `${name} is ${quote(text)}; it takes numbers from ${from} to ${to}${named}, as in ${examples}`;
}

function fieldsOf(count: number): readonly Field[] | null {
  if (count === 5) return FIVE;
  if (count === 6) return [...FIVE, YEAR];
  return count === 7 ? [SECOND, ...FIVE, YEAR] : null;
}

function isItem(item: string, field: Field): boolean {
  const range = /^([^/]+)(\/[1-9]\d{0,3})?$/.exec(item)?.[1];
  if (range === undefined) return false;
  if (range === '*') return true;
  const ends = range.split('-').map((end) => numberOf(end, field));
  if (ends.length > 2 || ends.some((end) => end === null)) return false;
  return ends.length === 1 || ends[0]! <= ends[1]!;
}

function numberOf(text: string, { from, to, names }: Field): number | null {
  const named = names?.findIndex((name) => [name, name.slice(0, 3)].includes(text.toUpperCase())) ?? -1;
  if (named >= 0) return from + named;
  const number = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  return number >= from && number <= to ? number : null;
}

/** Values of one field of a calendar, both ends inclusive. */
interface Values<Unit> {
  start: Unit;
  end: Unit;
  step: number;
}

/** A calendar as Temporal stores it. Temporal converts every cron expression to one. */
export interface Calendar {
  second: Values<number>[];
  minute: Values<number>[];
  hour: Values<number>[];
  dayOfMonth: Values<number>[];
  month: Values<(typeof MONTHS)[number]>[];
  year: Values<number>[];
  dayOfWeek: Values<(typeof DAYS_OF_WEEK)[number]>[];
}

/**
 * The calendar as a cron expression, with 5 fields unless it restricts years or seconds. Its days match both
 * the day of the month and the day of the week, which cron cannot say, so a comment does.
 */
export function cronText(calendar: Calendar): string {
  const month = numbers(calendar.month, (name) => MONTHS.indexOf(name) + 1);
  const dayOfWeek = numbers(calendar.dayOfWeek, (name) => DAYS_OF_WEEK.indexOf(name));
  const five = [
    fieldText(calendar.minute, 0, 59),
    fieldText(calendar.hour, 0, 23),
    fieldText(calendar.dayOfMonth, 1, 31),
    fieldText(month, 1, 12),
    fieldText(dayOfWeek, 0, 6),
  ];
  const second = fieldText(calendar.second, 0, 59);
  const year = fieldText(calendar.year, 2000, 2100);
  const fields = second !== '0' ? [second, ...five, year] : year === '*' ? five : [...five, year];
  const text = fields.join(' ');
  return asTemporalCron(text).length === 1 ? text : `${text} # days that match both`;
}

function numbers<Name>(values: readonly Values<Name>[], toNumber: (name: Name) => number): Values<number>[] {
  return values.map(({ start, end, step }) => ({ start: toNumber(start), end: toNumber(end), step }));
}

/** An empty list means every value (years). */
function fieldText(values: readonly Values<number>[], from: number, to: number): string {
  if (values.length === 0) return '*';
  const texts = values.map(({ start, end, step }) => {
    if (end <= start) return String(start);
    const range = start === from && end === to ? '*' : `${start}-${end}`;
    return step > 1 ? `${range}/${step}` : range;
  });
  return [...new Set(texts)].join(',');
}
