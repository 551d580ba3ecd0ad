/** Values as the page shows them: as text, because a browser would round what a double cannot hold. */
import { showJson } from '../core/json';
import type { ColumnView } from './wire/types';

/** Null is NULL. `type`: of the column, if it is known. */
export function cellText(value: unknown, type?: string): string | null {
  if (value === null || value === undefined) return null;
  const text = typeof value === 'string' ? value : showJson(value, 0).replace(/^"(.*)"$/, '$1');
  return type === 'DATE' ? text.replace('T00:00:00.000Z', '') : text;
}

export function cellTexts(columns: readonly { type: string }[], row: readonly unknown[]): (string | null)[] {
  return row.map((value, i) => cellText(value, columns[i]?.type));
}

const NUMBERS = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\b.*)$/;

export function columnView({ name, type }: { name: string; type: string }): ColumnView {
  return { name, type, isNumber: NUMBERS.test(type) };
}
