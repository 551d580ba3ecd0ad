/** Combined rows as a table. */
import { showJson } from '../../core/json';
import type { Paint } from '../../display/paint';
import { clean, plural } from '../../display/text';
import { renderTable } from './table';
import { cellText, isNumeric } from './value';
import type { ResultRows, Row } from '../..';

/**
 * Shows at most `most` rows, and below them the number of rows left out. `total` is the number of all rows,
 * if `rows` contains only the first ones.
 */
export function renderRows(
  rows: readonly Row[],
  most: number,
  width: number,
  paint: Paint,
  total = rows.length,
): string {
  if (rows.length === 0) return paint.dim('no rows');
  const shown = rows.slice(0, most);
  const names = namesOf(rows, shown);
  const columns = names.map((name) => ({
    name: clean(name),
    align: shown.some((row) => isNumeric(cellOf(row, name))) ? ('right' as const) : ('left' as const),
  }));
  const table = renderTable(
    columns,
    shown.map((row) => names.map((name) => cellText(cellOf(row, name)))),
    width,
    paint,
  );
  const left = total - shown.length;
  return left <= 0 ? table : `${table}\n${paint.dim(`… and ${plural(left, 'more row')}`)}`;
}

/** Objects list names such as `10` first, so the query's order is used where it is known. */
function namesOf(rows: readonly Row[], shown: readonly Row[]): string[] {
  const { columns } = rows as ResultRows;
  return columns?.map(({ name }) => name) ?? [...new Set(shown.flatMap((row) => Object.keys(row)))];
}

/** Undefined if the row has no such column, even if all objects inherit a property of that name. */
function cellOf(row: Row, name: string): unknown {
  return Object.hasOwn(row, name) ? row[name] : undefined;
}

/** Rows as CSV: comma-separated, quoted where needed, LF line ends; times in ISO 8601, days without one. */
export function csvOf(rows: readonly Row[]): string {
  const names = namesOf(rows, rows);
  const { columns } = rows as ResultRows;
  const days = new Set(columns?.flatMap(({ name, type }) => (type === 'DATE' ? [name] : [])));
  const cell = (value: unknown, name: string): string =>
    value instanceof Date && days.has(name) ? value.toISOString().replace(/T.*/, '') : csvCell(value);
  const lines = [
    names.map(csvCell),
    ...rows.map((row) => names.map((name) => cell(cellOf(row, name), name))),
  ];
  return lines.map((line) => `${line.join(',')}\n`).join('');
}

function csvCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text =
    value instanceof Date
      ? value.toISOString()
      : value instanceof Uint8Array
        ? Buffer.from(value).toString('base64')
        : typeof value === 'object'
          ? showJson(value)
          : String(value as string | number | bigint | boolean);
  // Quoted, to distinguish an empty string from NULL.
  return text === '' || /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
