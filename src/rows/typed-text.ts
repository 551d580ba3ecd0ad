/**
 * Writes JavaScript values as text from which DuckDB casts a value of a given type. `undefined` means that
 * the type cannot hold the value as it is: nothing is rounded, cut or guessed. Pure.
 */
import { parseType, type SqlType } from '../duckdb/sql-type';
import { encodeJsonCell, isObject } from '../core/json';
import { restDigits } from '../core/exact-date';

/** Values other than null and undefined. */
export type TypedText = (value: unknown) => string | undefined;

/**
 * `read`: only the values that a column of the type is read as, so that a function's own text stays text.
 * `given`: for columns whose type the function declares, also text of DECIMALs and times, which may have more
 * digits than a number or a Date. `key`: keys of a MAP, which are text whatever their type is.
 */
export type Strictness = 'read' | 'given' | 'key';

const known = new Map<string, TypedText | null>();

/** Null for types whose values have no JavaScript form that could be written back. */
export function typedText(type: string, strictness: Strictness): TypedText | null {
  const key = `${strictness} ${type}`;
  let encode = known.get(key);
  if (encode === undefined) known.set(key, (encode = encoderOf(parseType(type), strictness)));
  return encode;
}

function encoderOf(type: SqlType, strictness: Strictness): TypedText | null {
  switch (type.kind) {
    case 'plain':
      return plainEncoder(type.name, strictness);
    case 'list': {
      const item = insideEncoder(type.item, strictness);
      return item && ((value) => listText(value, item, type.size));
    }
    case 'struct': {
      const fields = type.fields.map(([name, field]) => [name, insideEncoder(field, strictness)] as const);
      // The text form of a STRUCT needs a name for every field.
      if (fields.some(([name, encode]) => encode === null || name === '')) return null;
      return (value) => structText(value, fields as Encoded[], strictness);
    }
    case 'map': {
      const [key, item] = [insideEncoder(type.key, 'key'), insideEncoder(type.value, strictness)];
      return key && item && ((value) => mapText(value, key, item));
    }
    default:
      return null;
  }
}

type Encoded = readonly [name: string, encode: TypedText];

function listText(value: unknown, item: TypedText, size: number | null): string | undefined {
  if (!Array.isArray(value) || (size !== null && value.length !== size)) return undefined;
  const items = all(value, item);
  return items && `[${items.join(', ')}]`;
}

function structText(value: unknown, fields: readonly Encoded[], strictness: Strictness): string | undefined {
  if (!isObject(value)) return undefined;
  const names = Object.keys(value);
  if (names.some((name) => fields.every(([known]) => known !== name))) return undefined;
  if (strictness === 'read' && names.length !== fields.length) return undefined;
  const entries = all(fields, ([name, encode]) => {
    const text = encode(Object.hasOwn(value, name) ? value[name] : null);
    return text && `${quoted(name)}: ${text}`;
  });
  return entries && `{${entries.join(', ')}}`;
}

function mapText(value: unknown, key: TypedText, item: TypedText): string | undefined {
  if (!isObject(value)) return undefined;
  const entries = all(Object.entries(value), ([name, each]) => {
    const [before, after] = [key(name), item(each)];
    return before !== undefined && after !== undefined ? `${before}=${after}` : undefined;
  });
  return entries && `{${entries.join(', ')}}`;
}

/** Undefined if one of the texts is. */
function all<T>(items: readonly T[], encode: (item: T) => string | undefined): string[] | undefined {
  const texts: string[] = [];
  for (const item of items) {
    const text = encode(item);
    if (text === undefined) return undefined;
    texts.push(text);
  }
  return texts;
}

/** The encoder for values inside others, which may be NULL. */
function insideEncoder(type: SqlType, strictness: Strictness): TypedText | null {
  const encode = encoderOf(type, strictness);
  if (encode === null) return null;
  return (value) => {
    if (value === null || value === undefined) return 'NULL';
    const text = encode(value);
    return text === undefined || type.kind !== 'plain' ? text : quoted(text);
  };
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

const INTEGERS: Record<string, readonly [least: bigint, most: bigint]> = Object.fromEntries([
  ...['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT'].map((name, i) => {
    const half = 1n << BigInt(2 ** (i + 3) - 1);
    return [name, [-half, half - 1n]];
  }),
  ...['UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT', 'UHUGEINT'].map((name, i) => [
    name,
    [0n, (1n << BigInt(2 ** (i + 3))) - 1n],
  ]),
]) as Record<string, readonly [bigint, bigint]>;

/** Text of types that are read as text. */
const TEXTS: Record<string, RegExp> = {
  VARCHAR: /^/,
  TIME: /^\d\d:\d\d:\d\d(\.\d+)?$/,
  TIME_NS: /^\d\d:\d\d:\d\d(\.\d+)?$/,
  'TIME WITH TIME ZONE': /^\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d){0,2}$/,
  INTERVAL: /^(?=[-\d])(-?\d+ years? ?)?(-?\d+ months? ?)?(-?\d+ days? ?)?(-?\d+:\d\d:\d\d(\.\d+)?)?$/,
  UUID: /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i,
  BIT: /^[01]+$/,
};

function plainEncoder(name: string, strictness: Strictness): TypedText | null {
  const range = Object.hasOwn(INTEGERS, name) ? INTEGERS[name]! : null;
  if (range !== null) return integerText(range, strictness);
  if (name === 'BOOLEAN') return (value) => booleanText(value, strictness);
  if (name === 'DOUBLE' || name === 'FLOAT') return floatText(name, strictness);
  if (name === 'JSON') return jsonText;
  if (name === 'BLOB')
    return (value) =>
      value instanceof Uint8Array ? value.reduce((all, byte) => all + hex(byte), '') : undefined;
  if (name === 'DATE' || name.startsWith('TIMESTAMP')) return timeText(name, strictness);
  const [, precision, scale] = /^DECIMAL\((\d+),(\d+)\)$/.exec(name) ?? [];
  if (precision !== undefined) return decimalText(Number(precision), Number(scale), strictness);
  const pattern = name.startsWith('ENUM(') ? /^/ : Object.hasOwn(TEXTS, name) ? TEXTS[name]! : null;
  if (pattern === null) return null;
  return (value) =>
    typeof value === 'string' && value.isWellFormed() && pattern.test(value) ? value : undefined;
}

function integerText([least, most]: readonly [bigint, bigint], strictness: Strictness): TypedText {
  return (value) => {
    const integer = toInteger(value, strictness);
    return integer !== undefined && integer >= least && integer <= most ? String(integer) : undefined;
  };
}

function toInteger(value: unknown, strictness: Strictness): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number')
    return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : undefined;
  return strictness === 'key' && typeof value === 'string' && /^-?\d+$/.test(value)
    ? BigInt(value)
    : undefined;
}

function booleanText(value: unknown, strictness: Strictness): string | undefined {
  const isBoolean =
    typeof value === 'boolean' || (strictness === 'key' && /^(true|false)$/.test(String(value)));
  return isBoolean ? String(value) : undefined;
}

function floatText(name: 'DOUBLE' | 'FLOAT', strictness: Strictness): TypedText {
  return (value) => {
    if (strictness === 'key' && typeof value === 'string')
      return /^-?(\d+(\.\d+)?(e[+-]?\d+)?|inf|nan)$/.test(value) ? value : undefined;
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (typeof number !== 'number' || (typeof value === 'bigint' && BigInt(number) !== value))
      return undefined;
    if (name === 'FLOAT' && !Object.is(Math.fround(number), number)) return undefined;
    return Object.is(number, -0) ? '-0.0' : String(number);
  };
}

/** Above this, neighbouring numbers differ by more than the last digit of a DECIMAL. */
const MAX_EXACT_DIGITS = 15;

function decimalText(precision: number, scale: number, strictness: Strictness): TypedText {
  const pattern = new RegExp(`^-?\\d{1,${Math.max(1, precision - scale)}}(\\.\\d{1,${scale || 1}})?$`);
  return (value) => {
    const integer = toInteger(value, strictness);
    if (integer !== undefined) return pattern.test(String(integer)) ? String(integer) : undefined;
    if (typeof value === 'string') return strictness !== 'read' && pattern.test(value) ? value : undefined;
    if (typeof value !== 'number' || !Number.isFinite(value) || scale === 0) return undefined;
    const text = value.toFixed(scale);
    const digits = text.replace(/[-.]/g, '').replace(/^0+/, '').length;
    // What arithmetic with doubles leaves in the sixteenth digit (0.1 + 0.2) is not a digit of the value.
    const isSame = Number(text) === Number(value.toPrecision(MAX_EXACT_DIGITS));
    return isSame && digits <= MAX_EXACT_DIGITS && pattern.test(text) ? text : undefined;
  };
}

/** JSON inside other values is read like JSON that is a column. */
function jsonText(value: unknown): string | undefined {
  try {
    return encodeJsonCell(value, '');
  } catch {
    return undefined;
  }
}

function hex(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0').toUpperCase()}`;
}

/** Text that a Date cannot hold, as it is read. */
const BEYOND_DATES = /^(-?infinity|\d{6,}-\d\d-\d\d.*)$/;
const DAY = /^\d{4,6}-\d\d-\d\d( \(BC\))?$/;
const TIME =
  /^\d{4,6}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?( \(BC\))?$/;

function timeText(name: string, strictness: Strictness): TypedText {
  const unit = name === 'DATE' ? DAY_MS : name === 'TIMESTAMP_S' ? 1_000 : 1;
  const maxRest = REST_DIGITS[name] ?? 3;
  return (value) => {
    if (typeof value === 'string') {
      const isGiven = strictness !== 'read' && (name === 'DATE' ? DAY : TIME).test(value);
      return isGiven || BEYOND_DATES.test(value) ? value : undefined;
    }
    if (!(value instanceof Date)) return undefined;
    const time = Date.prototype.getTime.call(value);
    if (Number.isNaN(time) || time % unit !== 0) return undefined;
    const rest = restDigits(value);
    if (rest.length > maxRest) return undefined;
    const date = new Date(time);
    const year = date.getUTCFullYear();
    const [, day, clock] = /(-\d\d-\d\d)T(.*)Z$/.exec(date.toISOString())!;
    const era = year > 0 ? `${padded(year)}${day}` : `${padded(1 - year)}${day} (BC)`;
    if (name === 'DATE') return era;
    return `${era} ${clock}${rest}${name === 'TIMESTAMP WITH TIME ZONE' ? '+00' : ''}`;
  };
}

/** Digits of seconds that a type has beyond milliseconds; others have 3. */
const REST_DIGITS: Record<string, number> = { DATE: 0, TIMESTAMP_S: 0, TIMESTAMP_MS: 0, TIMESTAMP_NS: 6 };

const DAY_MS = 86_400_000;

function padded(year: number): string {
  return String(year).padStart(4, '0');
}
