import { exactDate, nanosOf } from './exact-date';
import { decodePartitionId } from './partition-id';
import type { Column } from './plan';
import { setOwn, type Row } from './row';

/**
 * The typed key of a partition, from its id: `2013/UA` → `{ year: 2013, carrier: 'UA' }`. The inverse of
 * encoding the id, with the same values as in `context.key`.
 */
export function keyValues(id: string, keyColumns: readonly Column[]): Row {
  const texts = decodePartitionId(id);
  return Object.fromEntries(
    keyColumns.map(({ name, type }, i) => {
      const text = texts[i] ?? null;
      return [name, text === null ? null : keyValue(text, type)];
    }),
  );
}

/** A copy of a key, since functions may change it. */
export function copyKey(key: Row): Row {
  const copy = { ...key };
  for (const [name, value] of Object.entries(copy))
    if (value instanceof Date) setOwn(copy, name, exactDate(value.getTime(), nanosOf(value)));
    else if (typeof value === 'object' && value !== null) setOwn(copy, name, structuredClone(value));
  return copy;
}

const INTEGERS = /^U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)$/;

/** Converts text that the warehouse wrote to a value of the column's type. */
function keyValue(text: string, type: string): unknown {
  if (INTEGERS.test(type) || /^DECIMAL\(\d+,0\)$/.test(type)) {
    const number = Number(text);
    return Number.isSafeInteger(number) ? number : BigInt(text);
  }
  if (type === 'BOOLEAN') return text === 'true';
  if (type === 'DOUBLE' || type === 'FLOAT' || type.startsWith('DECIMAL(')) return toNumber(text);
  if (type === 'DATE' || type.startsWith('TIMESTAMP')) return toDate(text);
  return text;
}

/** DuckDB writes `inf` and `nan`. */
function toNumber(text: string): number {
  const infinite = /^(-?)inf(inity)?$/.exec(text);
  return infinite === null ? Number(text) : infinite[1] === '-' ? -Infinity : Infinity;
}

/**
 * `2013-01-31`, `2013-01-31 10:20:30.123456`, `…+00`; times without a zone are UTC. Text for what a Date
 * cannot hold, as in `data`.
 */
function toDate(text: string): Date | string {
  const match = /^(\d+)-(\d\d)-(\d\d)( \(BC\))?(?: (\d\d):(\d\d):(\d\d)(?:\.(\d+))?)?(?:\+00(?::00)?)?$/.exec(
    text,
  );
  // `infinity`
  if (match === null) return text;
  const [, year, month, day, bc, hour = '0', minute = '0', second = '0', fraction = ''] = match;
  const date = new Date(0);
  date.setUTCFullYear(bc === undefined ? Number(year) : 1 - Number(year), Number(month) - 1, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.padEnd(3, '0').slice(0, 3)));
  if (Number.isNaN(date.getTime())) return text;
  return exactDate(date.getTime(), Number(fraction.padEnd(9, '0').slice(3, 9)));
}
