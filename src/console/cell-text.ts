/** Values as the page shows them: as text, because a browser would round what a double cannot hold. */
import { showJson } from '../core/json';
import type { ColumnView } from './wire/types';

/** Null is NULL. */
export function cellText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' ? value : showJson(value, 0).replace(/^"(.*)"$/, '$1');
}

const NUMBERS = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\b.*)$/;

export function columnView({ name, type }: { name: string; type: string }): ColumnView {
  return { name, type, isNumber: NUMBERS.test(type) };
}
