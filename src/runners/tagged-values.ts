/**
 * Encodes JavaScript values losslessly as JSON: those that JSON cannot represent become objects with the key
 * `$` (docs/runner-protocol.md). Pure.
 */
import { describe } from '../core/quote';

/** Throws a `TypeError` for a value that cannot be encoded, such as a function. */
export function encodeValue(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : tagged('number', numberText(value));
    case 'bigint':
      return tagged('bigint', String(value));
    case 'undefined':
      return tagged('undefined', null);
    case 'object':
      return value === null ? null : encodeObject(value);
    default:
      throw new TypeError(`${describe(value)} cannot be sent between processes.`);
  }
}

/** Throws a `TypeError` for a tag that `encodeValue` does not write. */
export function decodeValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(decodeValue);
  if (Object.hasOwn(value, '$')) return decodeTagged(value as { $: unknown; value?: unknown });
  return mapped(value, decodeValue);
}

function encodeObject(value: object): unknown {
  if (Array.isArray(value)) return Array.from(value, encodeValue);
  // The time of an invalid Date is NaN, which JSON turns into null.
  if (value instanceof Date) return tagged('date', value.getTime());
  if (value instanceof Uint8Array) return tagged('bytes', Buffer.from(value).toString('base64'));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new TypeError(`${describe(value)} cannot be sent between processes.`);
  const encoded = mapped(value, encodeValue);
  return Object.hasOwn(value, '$') ? tagged('object', encoded) : encoded;
}

function decodeTagged({ $: tag, value }: { $: unknown; value?: unknown }): unknown {
  switch (tag) {
    case 'number':
      return Number(value);
    case 'bigint':
      return BigInt(value as string);
    case 'undefined':
      return undefined;
    case 'date':
      return new Date(value === null ? NaN : (value as number));
    case 'bytes':
      return new Uint8Array(Buffer.from(value as string, 'base64'));
    case 'object':
      return mapped(value as object, decodeValue);
    default:
      throw new TypeError(`${describe(tag)} is not a known tag.`);
  }
}

/** Maps own properties, including one named `__proto__`. */
function mapped(object: object, change: (value: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));
}

function tagged(tag: string, value: unknown): object {
  return { $: tag, value };
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
