/**
 * Reads ranges of DuckDB's vectors. Vectors return values one by one, with checks for each and some as
 * objects; for the most common types, reading their memory directly is several times faster. The results are
 * those of `valueReader`.
 */
import { type DuckDBType, DuckDBTypeId, type DuckDBVector } from '@duckdb/node-api';
import { exactDate } from '../core/exact-date';
import { DAY_MS, type Reading, valueReader, type ValueReader } from './values';

export interface VectorReader {
  /** Whether reading values costs almost nothing. */
  isCheap: boolean;
  /** Appends the values of the rows `from` (inclusive) to `to` (exclusive). */
  read(vector: DuckDBVector, from: number, to: number, into: unknown[]): void;
}

/**
 * Private fields of vectors. If a release of the driver changes them, values are read one by one.
 */
interface Inside {
  items?: unknown;
  dataView?: unknown;
  /**
   * `data` is null if no row is NULL; otherwise it has a bit for each row from `offset`, set if it is not
   * NULL.
   */
  validity?: { data?: unknown; offset?: unknown };
}

function insideOf(vector: DuckDBVector): Inside {
  return vector as unknown as Inside;
}

/** A test for rows that are NULL; null if none are, undefined if that cannot be determined. */
function nullsOf({ validity }: Inside): ((row: number) => boolean) | null | undefined {
  if (validity?.data === null) return null;
  const { data, offset } = validity ?? {};
  if (!(data instanceof BigUint64Array) || typeof offset !== 'number') return undefined;
  const words = new Uint32Array(data.buffer, data.byteOffset, 2 * data.length);
  return (row) => ((words[(offset + row) >> 5]! >>> ((offset + row) & 31)) & 1) === 0;
}

/** The reader for a column, chosen once. */
export function vectorReader(type: DuckDBType, reading: Reading = 'usual'): VectorReader {
  const read = valueReader(type, reading);
  const fast = fastReader(type, read, reading);
  return {
    isCheap: type.alias === undefined && CHEAP.includes(type.typeId),
    read(vector, from, to, into) {
      if (fast?.(vector, from, to, into) === true) return;
      for (let row = from; row < to; row++) into.push(valueAt(vector, row, read));
    },
  };
}

const CHEAP: readonly DuckDBTypeId[] = [
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.UTINYINT,
  DuckDBTypeId.USMALLINT,
  DuckDBTypeId.UINTEGER,
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.FLOAT,
  DuckDBTypeId.DOUBLE,
];

function valueAt(vector: DuckDBVector, row: number, read: ValueReader): unknown {
  const value = vector.getItem(row);
  return value === null ? null : read(value);
}

/** Returns false if nothing was read. */
type FastReader = (vector: DuckDBVector, from: number, to: number, into: unknown[]) => boolean;

function fastReader(type: DuckDBType, read: ValueReader, reading: Reading): FastReader | null {
  // An alias makes it a different type: JSON is an alias of VARCHAR.
  if (type.alias !== undefined) return null;
  switch (type.typeId) {
    case DuckDBTypeId.BIGINT:
      return integers(read, (value) => value);
    case DuckDBTypeId.DATE:
      return dates(read);
    case DuckDBTypeId.TIMESTAMP:
    case DuckDBTypeId.TIMESTAMP_TZ:
      return reading === 'exact' ? null : integers(read, dateOf);
    case DuckDBTypeId.VARCHAR:
      return texts;
    default:
      return CHEAP.includes(type.typeId) ? numbers : null;
  }
}

const numbers: FastReader = (vector, from, to, into) => {
  const inside = insideOf(vector);
  const isNull = nullsOf(inside);
  if (isNull === undefined || !ArrayBuffer.isView(inside.items)) return false;
  const items = inside.items as unknown as ArrayLike<number>;
  if (isNull === null) for (let row = from; row < to; row++) into.push(items[row]!);
  else for (let row = from; row < to; row++) into.push(isNull(row) ? null : items[row]!);
  return true;
};

/** Days from 1970 that a Date can represent, in either direction. */
const MAX_DAYS = 100_000_000;

function dates(read: ValueReader): FastReader {
  return (vector, from, to, into) => {
    const inside = insideOf(vector);
    const isNull = nullsOf(inside);
    if (isNull === undefined || !(inside.items instanceof Int32Array)) return false;
    const days = inside.items;
    for (let row = from; row < to; row++) {
      if (isNull?.(row)) into.push(null);
      else if (Math.abs(days[row]!) <= MAX_DAYS) into.push(new Date(days[row]! * DAY_MS));
      else into.push(valueAt(vector, row, read));
    }
    return true;
  };
}

/** Of microseconds since 1970. */
function dateOf(micros: number): Date {
  const time = Math.floor(micros / 1000);
  const rest = micros - time * 1000;
  return rest === 0 ? new Date(time) : exactDate(time, rest * 1000);
}

const HALF = 2 ** 32;

/** Reads 64-bit integers as two halves, which gives safe numbers without creating bigints. */
function integers(read: ValueReader, make: (value: number) => unknown): FastReader {
  return (vector, from, to, into) => {
    const inside = insideOf(vector);
    const isNull = nullsOf(inside);
    if (isNull === undefined || !(inside.items instanceof BigInt64Array)) return false;
    const { buffer, byteOffset, length } = inside.items;
    // Little-endian, like all platforms that DuckDB is built for.
    const halves = new Int32Array(buffer, byteOffset, 2 * length);
    for (let row = from; row < to; row++) {
      if (isNull?.(row)) {
        into.push(null);
        continue;
      }
      const value = halves[2 * row + 1]! * HALF + (halves[2 * row]! >>> 0);
      into.push(Number.isSafeInteger(value) ? make(value) : valueAt(vector, row, read));
    }
    return true;
  };
}

/** Strings of up to this many bytes are inline in the vector; longer ones are elsewhere. */
const INLINE_BYTES = 12;

/**
 * A string takes 16 bytes: its length, and its content or a pointer. Rows of a partition share the strings of
 * their key, so the last one is cached: if the 16 bytes are equal, so is the string.
 */
const texts: FastReader = (vector, from, to, into) => {
  const inside = insideOf(vector);
  const { dataView } = inside;
  const isNull = nullsOf(inside);
  if (isNull === undefined || !(dataView instanceof DataView)) return false;
  const words = new Int32Array(dataView.buffer, dataView.byteOffset, dataView.byteLength >> 2);
  let last = -1;
  let text = '';
  for (let row = from; row < to; row++) {
    if (isNull?.(row)) {
      into.push(null);
      continue;
    }
    const at = 4 * row;
    const isSame =
      last >= 0 &&
      words[at + 1] === words[last + 1] &&
      words[at + 2] === words[last + 2] &&
      words[at + 3] === words[last + 3] &&
      words[at] === words[last];
    if (!isSame) {
      text = inlineAscii(dataView, at * 4, words[at]!) ?? (vector.getItem(row) as string);
      last = at;
    }
    into.push(text);
  }
  return true;
};

/** Null if the string is elsewhere or needs decoding. */
function inlineAscii(view: DataView, offset: number, length: number): string | null {
  if (length > INLINE_BYTES) return null;
  let text = '';
  for (let at = offset + 4; at < offset + 4 + length; at++) {
    const byte = view.getUint8(at);
    if (byte > 127) return null;
    text += String.fromCharCode(byte);
  }
  return text;
}
