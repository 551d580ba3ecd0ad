/** Combined rows as a table. */
import type { Paint } from './paint';
import { clean, plural } from './text';
import { renderTable } from './table';
import { cellText, isNumeric } from './value';
import type { Row } from '../..';

/**
 * At most `most` rows; the number of those left out stands below. `total`: how many there are, when `rows`
 * are the first of them.
 */
export function renderRows(
  rows: readonly Row[],
  most: number,
  width: number,
  paint: Paint,
  total = rows.length,
): string {
  if (rows.length === 0) return paint.dim('no rows');
  const names = [...new Set(rows.slice(0, most).flatMap((row) => Object.keys(row)))];
  const shown = rows.slice(0, most);
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

/** Undefined: the row has no such column, whatever objects have by that name. */
function cellOf(row: Row, name: string): unknown {
  return Object.hasOwn(row, name) ? row[name] : undefined;
}

/** Rows as CSV: commas, quotes where needed, CRLF-free; dates in ISO 8601. */
export function csvOf(rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [names.map(csvCell), ...rows.map((row) => names.map((name) => csvCell(cellOf(row, name))))];
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
          ? JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? String(item) : item))
          : String(value as string | number | bigint | boolean);
  // An empty text is not NULL.
  return text === '' || /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
