/** What a partition function returned, as rows and columns of the combined output. Pure. */
import { InvalidResult } from './errors';
import { exactColumnsOf, type ExactColumns } from './exact-columns';
import { encodeJson } from './json';
import type { Row } from './types';
import { describe } from './describe';

/** Types that cells get; each stands for one kind of JavaScript value. `=TYPE`: an exact column of this type. */
export type CellType = ValueType | ExactType;
export type ValueType =
  'BOOLEAN' | 'BIGINT' | 'DECIMAL(38,0)' | 'DOUBLE' | 'VARCHAR' | 'TIMESTAMP' | 'BLOB' | 'JSON';
type ExactType = `=${string}`;

/** DuckDB's type of an exact column; null: it is none. */
export function exactType(type: CellType): string | null {
  return type.startsWith('=') ? type.slice(1) : null;
}

/** Columns in order of first appearance; null: every value so far was null. */
export type OutputColumns = Map<string, CellType | null>;

export interface OutputRows {
  columns: OutputColumns;
  rows: Row[];
  exact: ExactColumns | null;
}

/** Throws `InvalidResult` with a sentence for a result that cannot be stored. The key columns are left out. */
export function toOutputRows(result: unknown, key: Row): OutputRows {
  const rows = asRows(result);
  const exact = exactColumnsOf(result);
  const keyNames = new Map(Object.keys(key).map((name) => [name.toLowerCase(), name]));
  const columns: OutputColumns = new Map();
  /** Row in which a column got its type, for messages. */
  const firstSeen = new Map<string, number>();
  const spelling = new Map<string, string>();
  const output = rows.map((row, i) => {
    const cells: Row = {};
    for (const [name, value] of Object.entries(row)) {
      const keyName = keyNames.get(name.toLowerCase());
      if (keyName !== undefined) {
        checkKey(name, value, keyName, key[keyName], i);
        continue;
      }
      checkName(name, spelling, i);
      const own = exact?.types[name];
      const type = own === undefined ? cellType(value, name, i) : (`=${own}` as const);
      const before = columns.get(name) ?? null;
      const joined = join(before, type);
      if (joined === undefined) {
        throw new InvalidResult(
          `The column "${name}" is ${kindOf(before!)} in row ${firstSeen.get(name)} and ${kindOf(type!)} in row ${i}. Return one type per column.`,
        );
      }
      if (before === null && type !== null) firstSeen.set(name, i);
      columns.set(name, joined);
      cells[name] = value ?? null;
    }
    return cells;
  });
  return { columns, rows: output, exact };
}

/** The columns of two partitions' rows as one file's, or null when their types do not go together. */
export function joinColumns(a: OutputColumns, b: OutputColumns): OutputColumns | null {
  const joined: OutputColumns = new Map(a);
  const spelling = new Map([...a.keys()].map((name) => [name.toLowerCase(), name]));
  for (const [name, type] of b) {
    if ((spelling.get(name.toLowerCase()) ?? name) !== name) return null;
    const both = join(joined.get(name) ?? null, type);
    if (both === undefined) return null;
    joined.set(name, both);
  }
  return joined;
}

const KIND: Record<ValueType, string> = {
  BOOLEAN: 'a boolean',
  BIGINT: 'a number',
  'DECIMAL(38,0)': 'a number',
  DOUBLE: 'a number',
  VARCHAR: 'text',
  TIMESTAMP: 'a Date',
  BLOB: 'bytes',
  JSON: 'an object or array',
};

function kindOf(type: CellType): string {
  return exactType(type) ?? KIND[type as ValueType];
}

const NUMERIC: CellType[] = ['BIGINT', 'DECIMAL(38,0)', 'DOUBLE'];

function join(a: CellType | null, b: CellType | null): CellType | null | undefined {
  if (a === null || a === b) return b;
  if (b === null) return a;
  if (!NUMERIC.includes(a) || !NUMERIC.includes(b)) return undefined;
  return NUMERIC[Math.max(NUMERIC.indexOf(a), NUMERIC.indexOf(b))];
}

/** Whether a value goes into a column of this type as it is, seen at a glance: false for whatever needs a closer look. */
export function storesAs(type: CellType | null, value: unknown): boolean {
  switch (typeof value) {
    case 'number':
      return type === 'DOUBLE' || (type === 'BIGINT' && Number.isSafeInteger(value) && !Object.is(value, -0));
    case 'string':
      return type === 'VARCHAR';
    case 'boolean':
      return type === 'BOOLEAN';
    case 'undefined':
      return true;
    default:
      return value === null;
  }
}

function asRows(result: unknown): Row[] {
  if (result === null || result === undefined) return [];
  if (Array.isArray(result)) {
    for (const [i, row] of (result as unknown[]).entries()) {
      if (!isObject(row)) {
        throw new InvalidResult(
          `The function returned an array whose item ${i} is ${describe(row)}. Return an object, an array of objects, or nothing.`,
        );
      }
    }
    return result as Row[];
  }
  if (isObject(result)) return [result];
  throw new InvalidResult(
    `The function returned ${describe(result)}. Return an object, an array of objects, or nothing.`,
  );
}

/** Objects with properties, instances of the user's own classes included; no Map, Date, Promise or typed array. */
function isObject(value: unknown): value is Row {
  return Object.prototype.toString.call(value) === '[object Object]';
}

function checkName(name: string, spelling: Map<string, string>, row: number): void {
  const known = spelling.get(name.toLowerCase());
  if (known === name) return;
  if (known !== undefined) {
    throw new InvalidResult(
      `Row ${row} has the column "${name}" and there is also "${known}": tables do not tell them apart. Rename one.`,
    );
  }
  if (name === '' || /^__partwise_/i.test(name)) {
    const why = name === '' ? 'an empty name' : `a name that Partwise keeps for itself, "${name}"`;
    throw new InvalidResult(`Row ${row} has a column with ${why}. Rename it.`);
  }
  spelling.set(name.toLowerCase(), name);
}

function checkKey(name: string, value: unknown, keyName: string, keyValue: unknown, row: number): void {
  if (value === undefined || sameValue(value, keyValue)) return;
  throw new InvalidResult(
    `Row ${row} has ${name} = ${show(value)}, but this is the partition where ${keyName} = ${show(keyValue)}. ` +
      `Key columns are added by themselves: leave "${name}" out or give it another name.`,
  );
}

function sameValue(a: unknown, b: unknown): boolean {
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (typeof a === 'object' && a !== null) return show(a) === show(b);
  // A bigint that was returned for an integer key is the same key.
  if (typeof a === 'bigint' || typeof b === 'bigint')
    return typeof a !== 'string' && typeof b !== 'string' && a == b;
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}

function show(value: unknown): string {
  if (value === undefined) return 'undefined';
  try {
    return encodeJson(value, 'The value');
  } catch {
    return describe(value);
  }
}

const INT64 = 2n ** 63n;
const DIGITS_38 = 10n ** 38n;

function cellType(value: unknown, name: string, row: number): CellType | null {
  switch (typeof value) {
    case 'undefined':
      return null;
    case 'boolean':
      return 'BOOLEAN';
    case 'string':
      return 'VARCHAR';
    case 'number':
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? 'BIGINT' : 'DOUBLE';
    case 'bigint':
      if (value >= -INT64 && value < INT64) return 'BIGINT';
      if (value > -DIGITS_38 && value < DIGITS_38) return 'DECIMAL(38,0)';
      throw new InvalidResult(
        `The column "${name}" of row ${row} is an integer of more than 38 digits. Return it as text.`,
      );
    case 'object':
      break;
    default:
      throw new InvalidResult(
        `The column "${name}" of row ${row} is ${describe(value)}, which cannot be stored. Leave it out.`,
      );
  }
  if (value === null) return null;
  if (value instanceof Date) {
    if (!Number.isNaN(value.getTime())) return 'TIMESTAMP';
    throw new InvalidResult(
      `The column "${name}" of row ${row} is an invalid Date. Return a valid one, or null.`,
    );
  }
  if (value instanceof Uint8Array) return 'BLOB';
  if (isObject(value) || Array.isArray(value)) {
    try {
      encodeJson(value, `The column "${name}" of row ${row}`);
    } catch (error) {
      throw new InvalidResult((error as Error).message);
    }
    return 'JSON';
  }
  throw new InvalidResult(
    `The column "${name}" of row ${row} is ${describe(value)}, which cannot be stored. ` +
      'Return numbers, text, booleans, Dates, Uint8Arrays, plain objects or arrays.',
  );
}
