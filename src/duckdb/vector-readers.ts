/**
 * Reads ranges of DuckDB's vectors. Vectors give their values one by one, each through checks and some as
 * objects; for the types that most columns have, reading the memory below them is several times faster. What
 * comes out is what `valueReader` gives.
 */
import { type DuckDBType, DuckDBTypeId, type DuckDBVector } from '@duckdb/node-api';
import { DAY_MS, valueReader, type ValueReader } from './values';

export interface VectorReader {
  /** Whether values come at hardly any cost. */
  isCheap: boolean;
  /** Appends the values of the rows `from` (included) to `to` (not). */
  read(vector: DuckDBVector, from: number, to: number, into: unknown[]): void;
}

/**
 * What vectors keep to themselves. Where a release of the driver has it in another way, values are read one
 * by one.
 */
interface Inside {
  items?: unknown;
  dataView?: unknown;
  /** `data` null: no row is NULL; else a bit for each row, from `offset` on, which is set where it is not. */
  validity?: { data?: unknown; offset?: unknown };
}

function insideOf(vector: DuckDBVector): Inside {
  return vector as unknown as Inside;
}

/** Which rows are NULL; null: none. Undefined: it cannot be told here. */
function nullsOf({ validity }: Inside): ((row: number) => boolean) | null | undefined {
  if (validity?.data === null) return null;
  const { data, offset } = validity ?? {};
  if (!(data instanceof BigUint64Array) || typeof offset !== 'number') return undefined;
  const words = new Uint32Array(data.buffer, data.byteOffset, 2 * data.length);
  return (row) => ((words[(offset + row) >> 5]! >>> ((offset + row) & 31)) & 1) === 0;
}

/** The reader for a column, chosen once. */
export function vectorReader(type: DuckDBType): VectorReader {
  const read = valueReader(type);
  const fast = fastReader(type, read);
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

/** False: nothing was read. */
type FastReader = (vector: DuckDBVector, from: number, to: number, into: unknown[]) => boolean;

function fastReader(type: DuckDBType, read: ValueReader): FastReader | null {
  // An alias makes another type of it: JSON is text.
  if (type.alias !== undefined) return null;
  switch (type.typeId) {
    case DuckDBTypeId.BIGINT:
      return integers(read, (value) => value);
    case DuckDBTypeId.DATE:
      return dates(read);
    case DuckDBTypeId.TIMESTAMP:
    case DuckDBTypeId.TIMESTAMP_TZ:
      return integers(read, (micros) => new Date(Math.floor(micros / 1000)));
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

/** Days from 1970 that a Date may be away. */
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

const HALF = 2 ** 32;

/** 64-bit integers, from two halves: a number where no digit is lost, without a bigint on the way. */
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

/** Bytes of a text that a vector holds by itself; longer ones are elsewhere. */
const INLINE_BYTES = 12;

/**
 * A text is 16 bytes: its length, and its bytes or where they are. Rows of a partition share the text of
 * their key, so the last one read is kept: equal 16 bytes are the same text.
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

/** Null: it is elsewhere, or needs decoding. */
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
