/** Formats a value of a row as the text of a table cell. */
import { showJson } from '../../core/json';
import { isSeries, sparkline } from './sparkline';
import { clean } from '../../display/text';

export function cellText(value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'string') return clean(value);
  if (value instanceof Date) return dateText(value);
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  if (isSeries(value)) return sparkline(value);
  if (typeof value === 'object') return clean(showJson(value));
  return String(value as boolean | bigint);
}

/**
 * Integers unchanged; fractions with two decimals, or four significant digits if below 1. `results --json`
 * prints full precision.
 */
function numberText(value: number): string {
  if (!Number.isFinite(value) || Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 1 ? value.toFixed(2) : String(Number(value.toPrecision(4)));
}

function dateText(value: Date): string {
  if (Number.isNaN(value.getTime())) return 'invalid date';
  const text = value.toISOString();
  return text.endsWith('T00:00:00.000Z')
    ? text.slice(0, text.indexOf('T'))
    : text.replace('T', ' ').replace(/(\.000)?Z$/, '');
}

export function isNumeric(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint';
}
