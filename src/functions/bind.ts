import { describe } from '../core/quote';
import { encodeJsonCell } from '../core/json';
import type { Bind } from '../core/warehouse-access';

/**
 * Converts a value to a parameter of a statement that the worker runs. Large integers and times (UTC, without
 * a zone) become text, which the warehouse casts to the column's type; bytes become hexadecimal, and objects
 * JSON. Throws an error that begins with `where` for a value that cannot be bound.
 */
export function toBind(value: unknown, where: string): Bind {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime()))
      throw new TypeError(`${where} is an invalid Date. Pass a valid one, or null.`);
    return value.toISOString().replace('T', ' ').replace('Z', '');
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value === 'object') return encodeJsonCell(value, where);
  throw new TypeError(
    `${where} is ${describe(value)}, which cannot be bound. ` +
      'Pass a string, number, bigint, boolean, Date, Uint8Array, null, or an object or array for JSON.',
  );
}
