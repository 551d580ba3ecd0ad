/** Converts Snowflake's values to those that functions get: see `PartitionData`. */
import { parseExactJson } from '../core/exact-json';
import { nameInSnapshot } from './names';
import type { ResultColumn } from './session';

/** Converts a value from `Session.open`, other than NULL. */
type Reader = (value: unknown) => unknown;

export function rowReader(columns: readonly ResultColumn[]): (row: readonly unknown[]) => unknown[] {
  const readers = columns.map(readerOf);
  return (row) => readers.map((read, i) => (row[i] == null ? null : read(row[i])));
}

/** Names as in a snapshot; repeated ones are numbered, as in DuckDB. */
export function columnNames(columns: readonly ResultColumn[]): string[] {
  const taken = new Map<string, number>();
  return columns.map((column) => {
    const name = nameInSnapshot(column.name);
    const before = taken.get(name) ?? 0;
    taken.set(name, before + 1);
    return before === 0 ? name : `${name}:${before}`;
  });
}

function readerOf({ type, scale }: ResultColumn): Reader {
  switch (type) {
    case 'fixed':
      return scale === 0 ? (text) => toInteger(text as string) : Number;
    case 'real':
      return (text) => toNumber(text as string);
    case 'date':
    case 'timestamp_ntz':
    case 'timestamp_ltz':
    case 'timestamp_tz':
      // The driver's subclass of Date has properties that cannot be serialized.
      return (date) => new Date((date as Date).getTime());
    case 'binary':
      return (bytes) => new Uint8Array(bytes as Buffer);
    case 'variant':
    case 'object':
    case 'array':
    case 'map':
      return (text) => parseExactJson(text as string);
    default:
      return (value) => value;
  }
}

function toInteger(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

function toNumber(text: string): number {
  if (/^-?inf/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  return Number(text);
}
