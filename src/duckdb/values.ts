/** Converts DuckDB's values to JavaScript's and back, as documented at `PartitionData`. */
import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DOUBLE,
  DuckDBArrayType,
  DuckDBArrayValue,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListType,
  DuckDBListValue,
  DuckDBMapType,
  DuckDBMapValue,
  DuckDBStructType,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBType,
  DuckDBTypeId,
  DuckDBUnionType,
  DuckDBUnionValue,
  type DuckDBValue,
  DuckDBVariantValue,
  HUGEINT,
  LIST,
  SQLNULL,
  TIMESTAMP,
  TIMESTAMP_NS,
  VARCHAR,
} from '@duckdb/node-api';
import { exactDate, nanosOf } from '../core/exact-date';
import { parseExactJson, significantDigits } from '../core/exact-json';
import { describe } from '../core/quote';

/** Converts a value of one column, other than NULL, to JavaScript. */
export type ValueReader = (value: NonNullable<DuckDBValue>) => unknown;

/**
 * How values that JavaScript has no exact form for are read: `usual` rounds DECIMALs to a number and returns
 * times as a Date (see `exactDate`), for functions, which calculate with them; `exact` returns such values as
 * text, for people and files.
 */
export type Reading = 'usual' | 'exact';

/** The reader for a column, chosen once per column so that the loop over rows has no type tests. */
export function valueReader(type: DuckDBType, reading: Reading): ValueReader {
  if (hasProtoField(type)) {
    return () => {
      throw new TypeError(
        `A value of the type ${String(type)} has a field "__proto__", which the DuckDB driver drops. Rename the field in a query.`,
      );
    };
  }
  if (type.alias === 'JSON') return (value) => parseExactJson(value as string);
  const nested = hasJson(type) ? jsonInside(type, reading) : null;
  if (nested !== null) return nested;
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
    case DuckDBTypeId.TINYINT:
    case DuckDBTypeId.SMALLINT:
    case DuckDBTypeId.INTEGER:
    case DuckDBTypeId.UTINYINT:
    case DuckDBTypeId.USMALLINT:
    case DuckDBTypeId.UINTEGER:
    case DuckDBTypeId.FLOAT:
    case DuckDBTypeId.DOUBLE:
    case DuckDBTypeId.VARCHAR:
    case DuckDBTypeId.ENUM:
      return (value) => value;
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.UBIGINT:
    case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UHUGEINT:
    case DuckDBTypeId.BIGNUM:
      return (value) => integer(value as bigint);
    default:
      return reading === 'exact' ? toExact : toUsual;
  }
}

/** Whether any STRUCT in the type has a field of this name. */
function hasProtoField(type: DuckDBType): boolean {
  if (type instanceof DuckDBStructType)
    return type.entryNames.includes('__proto__') || type.entryTypes.some(hasProtoField);
  if (type instanceof DuckDBListType || type instanceof DuckDBArrayType) return hasProtoField(type.valueType);
  if (type instanceof DuckDBMapType) return hasProtoField(type.keyType) || hasProtoField(type.valueType);
  return type instanceof DuckDBUnionType && type.memberTypes.some(hasProtoField);
}

/** Whether a type inside a LIST, ARRAY, STRUCT or MAP is JSON, whose values do not say that they are. */
function hasJson(type: DuckDBType): boolean {
  if (type.alias === 'JSON') return true;
  if (type instanceof DuckDBStructType) return type.entryTypes.some(hasJson);
  if (type instanceof DuckDBListType || type instanceof DuckDBArrayType) return hasJson(type.valueType);
  return type instanceof DuckDBMapType && hasJson(type.valueType);
}

/** The reader for a nested type that has JSON inside, or null for other types. */
function jsonInside(type: DuckDBType, reading: Reading): ValueReader | null {
  const readerOf = (inner: DuckDBType) => {
    const read = valueReader(inner, reading);
    return (value: DuckDBValue): unknown => (value === null ? null : read(value));
  };
  if (type instanceof DuckDBListType || type instanceof DuckDBArrayType) {
    const item = readerOf(type.valueType);
    return (value) => (value as DuckDBListValue | DuckDBArrayValue).items.map(item);
  }
  if (type instanceof DuckDBStructType) {
    const fields = type.entryNames.map((name, i) => [name, readerOf(type.entryTypes[i]!)] as const);
    return (value) => {
      const { entries } = value as DuckDBStructValue;
      return Object.fromEntries(fields.map(([name, read]) => [name, read(entries[name]!)]));
    };
  }
  if (!(type instanceof DuckDBMapType)) return null;
  const item = readerOf(type.valueType);
  return (value) =>
    Object.fromEntries(
      (value as DuckDBMapValue).entries.map((entry) => [String(entry.key), item(entry.value)]),
    );
}

/** A number if it is safe, otherwise the bigint. */
function integer(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

export const DAY_MS = 86_400_000;

const toUsual = converter(
  (value) => value.toDouble(),
  (nanoseconds, value) => {
    const date = toDate(floorDivide(nanoseconds, MS_NS), value);
    const rest = Number(((nanoseconds % MS_NS) + MS_NS) % MS_NS);
    return typeof date === 'string' || rest === 0 ? date : exactDate(date.getTime(), rest);
  },
);
const toExact = converter(
  (value) => {
    const text = value.toString();
    const number = Number(text);
    return significantDigits(String(number)) === significantDigits(text) ? number : text;
  },
  (nanoseconds, value) => {
    const date = toDate(floorDivide(nanoseconds, MS_NS), value);
    if (typeof date === 'string' || nanoseconds % MS_NS === 0n) return date;
    const fraction = String(((nanoseconds % SECOND_NS) + SECOND_NS) % SECOND_NS).padStart(9, '0');
    return date.toISOString().replace(/\d{3}Z$/, `${fraction.replace(/0+$/, '')}Z`);
  },
);

const MS_NS = 1_000_000n;
const SECOND_NS = 1_000_000_000n;

/** A value of a time type, other than a whole number of milliseconds. */
type Time = { isFinite: boolean; toString(): string };

/** `readDecimal` gets DECIMALs with a fraction, and `readTime` nanoseconds since 1970. */
function converter(
  readDecimal: (value: DuckDBDecimalValue) => unknown,
  readTime: (nanoseconds: bigint, value: Time) => unknown,
): (value: DuckDBValue) => unknown {
  const convert = (value: DuckDBValue): unknown => {
    if (typeof value === 'bigint') return integer(value);
    if (typeof value !== 'object' || value === null) return value;
    if (value instanceof DuckDBDecimalValue)
      return value.scale === 0 ? integer(value.value) : readDecimal(value);
    if (value instanceof DuckDBDateValue) return toDate(value.days * DAY_MS, value);
    if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue)
      return readTime(value.micros * 1000n, value);
    if (value instanceof DuckDBTimestampSecondsValue) return toDate(Number(value.seconds) * 1000, value);
    if (value instanceof DuckDBTimestampMillisecondsValue) return toDate(Number(value.millis), value);
    if (value instanceof DuckDBTimestampNanosecondsValue) return readTime(value.nanos, value);
    if (value instanceof DuckDBBlobValue) return new Uint8Array(value.bytes);
    if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue)
      return value.items.map(convert);
    if (value instanceof DuckDBStructValue) {
      return Object.fromEntries(Object.entries(value.entries).map(([name, entry]) => [name, convert(entry)]));
    }
    if (value instanceof DuckDBMapValue) {
      return Object.fromEntries(value.entries.map((entry) => [String(entry.key), convert(entry.value)]));
    }
    if (value instanceof DuckDBUnionValue || value instanceof DuckDBVariantValue) return convert(value.value);
    // TIME, TIMETZ, INTERVAL, UUID, BIT and types that DuckDB may add: their text in DuckDB.
    return String(value);
  };
  return convert;
}

/**
 * A Date cannot hold `infinity` or a day more than 100 million from 1970: such values become their text in
 * DuckDB.
 */
function toDate(milliseconds: number, value: Time): Date | string {
  if (!value.isFinite) return milliseconds < 0 ? '-infinity' : 'infinity';
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? value.toString() : date;
}

/** BigInt division rounds towards zero, but times before 1970 must round down like later ones. */
function floorDivide(value: bigint, by: bigint): number {
  const quotient = value / by;
  return Number(value < 0n && quotient * by !== value ? quotient - 1n : quotient);
}

/** A JavaScript value as a bound parameter. */
export interface Parameter {
  value: DuckDBValue;
  type: DuckDBType;
}

const INT64 = 2n ** 63n;
const INT128 = 2n ** 127n;

/** Throws a `TypeError` that begins with `where` for a value without an SQL type. */
export function toParameter(value: unknown, where: string): Parameter {
  if (value === null || value === undefined) return { value: null, type: SQLNULL };
  if (typeof value === 'boolean') return { value, type: BOOLEAN };
  if (typeof value === 'string') return { value, type: VARCHAR };
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) ? { value: BigInt(value), type: BIGINT } : { value, type: DOUBLE };
  }
  if (typeof value === 'bigint') {
    if (value >= -INT64 && value < INT64) return { value, type: BIGINT };
    if (value >= -INT128 && value < INT128) return { value, type: HUGEINT };
    throw new TypeError(`${where} is the integer ${value}, which is too large for SQL. Pass it as a string.`);
  }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime()))
      throw new TypeError(`${where} is an invalid Date. Pass a valid one, or null.`);
    return dateParameter(value);
  }
  // A copy, since earlier statements run before it is bound.
  if (value instanceof Uint8Array) return { value: new DuckDBBlobValue(new Uint8Array(value)), type: BLOB };
  if (Array.isArray(value)) return listParameter(value, where);
  throw new TypeError(
    `${where} is ${describe(value)}, which cannot be bound. ` +
      'Pass a string, number, bigint, boolean, Date, Uint8Array, null, or an array of these.',
  );
}

/** TIMESTAMP, or TIMESTAMP_NS if the Date was read with nanoseconds. */
function dateParameter(date: Date): Parameter {
  const nanos = BigInt(date.getTime()) * MS_NS + BigInt(nanosOf(date));
  return nanos % 1000n === 0n
    ? { value: new DuckDBTimestampValue(nanos / 1000n), type: TIMESTAMP }
    : { value: new DuckDBTimestampNanosecondsValue(nanos), type: TIMESTAMP_NS };
}

function listParameter(items: unknown[], where: string): Parameter {
  const parameters = items.map((item, i) => toParameter(item, `Item ${i} of ${where}`));
  const type = parameters.map((item) => item.type).reduce(widest, SQLNULL);
  if (type === null) {
    throw new TypeError(`${where} is an array that mixes types. Pass an array of one type.`);
  }
  const list = parameters.map(({ value }) => {
    if (type === DOUBLE && typeof value === 'bigint') return Number(value);
    if (type === TIMESTAMP_NS && value instanceof DuckDBTimestampValue)
      return new DuckDBTimestampNanosecondsValue(value.micros * 1000n);
    return value;
  });
  return { value: new DuckDBListValue(list), type: LIST(type === SQLNULL ? VARCHAR : type) };
}

function widest(a: DuckDBType | null, b: DuckDBType | null): DuckDBType | null {
  if (a === null || b === null) return null;
  if (a === SQLNULL || String(a) === String(b)) return b;
  if (b === SQLNULL) return a;
  const times = [TIMESTAMP, TIMESTAMP_NS] as DuckDBType[];
  if (times.includes(a) && times.includes(b)) return TIMESTAMP_NS;
  const numeric = [BIGINT, HUGEINT, DOUBLE] as DuckDBType[];
  const rank = Math.max(numeric.indexOf(a), numeric.indexOf(b));
  return numeric.includes(a) && numeric.includes(b) ? numeric[rank]! : null;
}
