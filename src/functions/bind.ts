import { describe } from '../core/quote';

/** What can be bound in a statement that another process runs. */
export type Bind = string | number | boolean | null;

/**
 * A value as Snowflake binds it. Texts are cast where they stand: large integers, and times (UTC, without a zone), to the column's
 * type; bytes are hexadecimal, for `TO_BINARY(?, 'HEX')`, and objects JSON, for `PARSE_JSON(?)`. Throws a sentence; `where` names the place.
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
  if (typeof value === 'object') return JSON.stringify(value);
  throw new TypeError(
    `${where} is ${describe(value)}, which cannot be bound. ` +
      'Pass a string, number, bigint, boolean, Date, Uint8Array, null, or an object or array for JSON.',
  );
}
