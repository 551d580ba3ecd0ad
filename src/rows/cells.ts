/**
 * Cells are the values of returned rows as columns store them. A cell is a copy, taken when the function
 * returns, so this call and the next may reuse objects and buffers.
 */
import { exactDate, nanosOf } from '../core/exact-date';
import { parseExactJson } from '../core/exact-json';
import { describe } from '../core/quote';
import { encodeJsonCell, isObject, NotJson, WHY_NO_SURROGATE } from '../core/json';
import { InvalidResult } from './invalid-result';
import { typedText } from './typed-text';

/**
 * The type of a cell, which corresponds to one kind of JavaScript value. `=TYPE` is an exact column of this
 * type.
 */
export type CellType = ValueType | ExactType;
export type ValueType =
  'BOOLEAN' | 'BIGINT' | 'DECIMAL(38,0)' | 'DOUBLE' | 'VARCHAR' | 'TIMESTAMP' | 'BLOB' | 'JSON';
type ExactType = `=${string}`;

/**
 * TIMESTAMP: milliseconds since 1970, or a bigint of microseconds where milliseconds are not enough. JSON:
 * its text. BLOB: a copy. Any other type: the value itself.
 */
export type Cell = null | boolean | number | bigint | string | Uint8Array;

/** The DuckDB type of an exact column, or null for other columns. */
export function exactType(type: CellType): string | null {
  return type.startsWith('=') ? type.slice(1) : null;
}

const INT64 = 2n ** 63n;
const DIGITS_38 = 10n ** 38n;

/** Types that JavaScript's values have anyway. */
const NATURAL = ['BOOLEAN', 'BIGINT', 'VARCHAR', 'TIMESTAMP', 'BLOB', 'JSON'];

/**
 * A cell of a column that was read with this type, or null if the type does not hold the value as it is, or
 * makes no difference.
 */
export function typedCell(value: unknown, type: string): { type: CellType | null; cell: Cell } | null {
  if (value === null || value === undefined) return { type: null, cell: null };
  if (type === 'TIMESTAMP' && typeof value === 'string') {
    const micros = microsBeyondDates(value);
    return micros === null ? null : { type, cell: micros };
  }
  if (NATURAL.includes(type) || type.startsWith('ENUM(')) return null;
  if (type === 'DOUBLE') return typeof value === 'number' ? { type, cell: value } : null;
  const cell = typedText(type, 'read')?.(value);
  return cell === undefined ? null : { type: `=${type}`, cell };
}

/** Throws `InvalidResult` for a value that cannot be stored. The type is null for NULL. */
export function takeCell(value: unknown, name: string, row: number): { type: CellType | null; cell: Cell } {
  switch (typeof value) {
    case 'undefined':
      return { type: null, cell: null };
    case 'boolean':
      return { type: 'BOOLEAN', cell: value };
    case 'string':
      // enforces I5: values that cannot be stored are found here, before rows of other partitions join them.
      if (value.isWellFormed()) return { type: 'VARCHAR', cell: value };
      throw new InvalidResult(`${at(name, row)} contains a lone surrogate${WHY_NO_SURROGATE}`);
    case 'number':
      return {
        type: Number.isSafeInteger(value) && !Object.is(value, -0) ? 'BIGINT' : 'DOUBLE',
        cell: value,
      };
    case 'bigint':
      if (value >= -INT64 && value < INT64) return { type: 'BIGINT', cell: value };
      if (value > -DIGITS_38 && value < DIGITS_38) return { type: 'DECIMAL(38,0)', cell: value };
      throw new InvalidResult(
        `${at(name, row)} is an integer of more than 38 digits. Return it as a string.`,
      );
    case 'object':
      return value === null ? { type: null, cell: null } : takeObject(value, name, row);
    default:
      throw new InvalidResult(
        `${at(name, row)} is ${describe(value)}, which cannot be stored. Leave it out.`,
      );
  }
}

function takeObject(value: object, name: string, row: number): { type: CellType; cell: Cell } {
  if (value instanceof Date) {
    // Not the object's own method, which may return anything.
    const time = Date.prototype.getTime.call(value);
    if (Number.isNaN(time))
      throw new InvalidResult(`${at(name, row)} is an invalid Date. Return a valid one, or null.`);
    const nanos = nanosOf(value);
    if (nanos === 0) return { type: 'TIMESTAMP', cell: time };
    if (nanos % 1000 === 0) return { type: 'TIMESTAMP', cell: BigInt(time) * 1000n + BigInt(nanos / 1000) };
    throw new InvalidResult(
      `${at(name, row)} has nanoseconds, which TIMESTAMP does not hold. ` +
        'Use new Date(+value), which has milliseconds; a returned column can also be declared as TIMESTAMP_NS in "output".',
    );
  }
  // enforces I5: a new array, also for a Buffer and shared memory
  if (value instanceof Uint8Array) return { type: 'BLOB', cell: new Uint8Array(value) };
  if (isObject(value) || Array.isArray(value)) {
    try {
      return { type: 'JSON', cell: encodeJsonCell(value, at(name, row)) };
    } catch (error) {
      if (error instanceof NotJson) throw new InvalidResult(error.message);
      throw error;
    }
  }
  throw new InvalidResult(
    `${at(name, row)} is ${describe(value)}, which cannot be stored. ` +
      'Return numbers, text, booleans, Dates, Uint8Arrays, plain objects or arrays.',
  );
}

function dateOfMicros(micros: bigint): Date {
  const rest = ((micros % 1000n) + 1000n) % 1000n;
  return exactDate(Number((micros - rest) / 1000n), Number(rest) * 1000);
}

/** DuckDB's `infinity`. */
const INFINITE_MICROS = INT64 - 1n;
/** Years after which the calendar repeats, and their milliseconds. */
const [CYCLE_YEARS, CYCLE_MS] = [400, 146_097 * 86_400_000];

/** The microseconds of text that a TIMESTAMP is read as where a Date cannot hold it; null for other text. */
function microsBeyondDates(text: string): bigint | null {
  if (text === 'infinity') return INFINITE_MICROS;
  if (text === '-infinity') return -INFINITE_MICROS;
  const match = /^(\d{6})(-\d\d-\d\d)( \(BC\))? (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?$/.exec(text);
  if (match === null) return null;
  const [, digits, day, bc, clock, fraction = ''] = match;
  const year = bc === undefined ? Number(digits) : 1 - Number(digits);
  const cycles = Math.floor((year - 2000) / CYCLE_YEARS);
  const time = Date.parse(`${year - cycles * CYCLE_YEARS}${day}T${clock}Z`);
  if (Number.isNaN(time)) return null;
  return (BigInt(time) + BigInt(cycles) * BigInt(CYCLE_MS)) * 1000n + BigInt(fraction.padEnd(6, '0'));
}

function at(name: string, row: number): string {
  return `The column "${name}" of row ${row}`;
}

/** A cell as a JavaScript value. */
export function readCell(cell: Cell, type: CellType | null): unknown {
  if (cell === null) return null;
  if (type === 'TIMESTAMP') return typeof cell === 'bigint' ? dateOfMicros(cell) : new Date(cell as number);
  return type === 'JSON' ? parseExactJson(cell as string) : cell;
}
