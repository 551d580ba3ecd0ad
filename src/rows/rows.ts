/** Converts what a partition function returned to rows and columns of the combined output. Pure. */
import { type Cell, type CellType, exactType, isObject, readCell, takeCell, type ValueType } from './cells';
import { describe } from '../core/quote';
import { exactCell, exactColumnsOf } from './exact-columns';
import { showJson, WHY_NO_SURROGATE } from '../core/json';
import type { Row } from '../core/row';
import { InvalidResult } from './invalid-result';

/** Types of columns, in order of first appearance; null if every value so far was null. */
export type OutputColumns = Map<string, CellType | null>;

/** Copies of returned rows, which the function cannot change afterwards. */
export interface OutputRows {
  columns: OutputColumns;
  /**
   * Cells in the order of the columns. A row without the last columns is shorter, and one without other
   * columns has holes.
   */
  rows: Cell[][];
}

/**
 * Converts a result; key columns are left out. Throws `InvalidResult` if it cannot be stored.
 */
export function toOutputRows(result: unknown, key: Row): OutputRows {
  const rows = asRows(result);
  const exact = exactColumnsOf(result);
  const keyNames = new Map(Object.keys(key).map((name) => [name.toLowerCase(), name]));
  const columns: OutputColumns = new Map();
  const positions = new Map<string, number>();
  /** The row that determined a column's type, for messages. */
  const firstSeen = new Map<string, number>();
  const spelling = new Map<string, string>();
  const output = rows.map((row, i) => {
    const cells: Cell[] = [];
    for (const [name, value] of Object.entries(row)) {
      const keyName = keyNames.get(name.toLowerCase());
      if (keyName !== undefined) {
        checkKey(name, value, keyName, key[keyName], i);
        continue;
      }
      checkName(name, spelling, i);
      const { type, cell } = (exact && exactCell(exact, name, i)) ?? takeCell(value, name, i);
      const before = columns.get(name) ?? null;
      const joined = join(before, type);
      if (joined === undefined) {
        throw new InvalidResult(
          `The column "${name}" is ${kindOf(before!)} in row ${firstSeen.get(name)} and ${kindOf(type!)} in row ${i}. Return one type per column.`,
        );
      }
      if (before === null && type !== null) firstSeen.set(name, i);
      if (!columns.has(name)) positions.set(name, columns.size);
      columns.set(name, joined);
      cells[positions.get(name)!] = cell;
    }
    return cells;
  });
  return { columns, rows: output };
}

/** Converts the rows to objects, without the columns that a row lacks. */
export function toObjects({ columns, rows }: OutputRows): Row[] {
  const named = [...columns];
  return rows.map((cells) =>
    Object.fromEntries(
      named.flatMap(([name, type], i) => (cells[i] === undefined ? [] : [[name, readCell(cells[i], type)]])),
    ),
  );
}

/**
 * Joins the columns of two partitions' rows into those of one file, or returns null if they are incompatible.
 */
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

/**
 * A quick check whether a value can be stored in a column of this type as it is. False also for values that
 * need a closer check.
 */
export function storesAs(
  type: CellType | null,
  value: unknown,
): value is Exclude<Cell, Uint8Array> | undefined {
  switch (typeof value) {
    case 'number':
      return type === 'DOUBLE' || (type === 'BIGINT' && Number.isSafeInteger(value) && !Object.is(value, -0));
    case 'string':
      return type === 'VARCHAR' && value.isWellFormed();
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

function checkName(name: string, spelling: Map<string, string>, row: number): void {
  const known = spelling.get(name.toLowerCase());
  if (known === name) return;
  if (known !== undefined) {
    throw new InvalidResult(
      `Row ${row} has the column "${name}", but there is also "${known}": column names are not case-sensitive. Rename one.`,
    );
  }
  const problem = nameProblem(name);
  if (problem !== null) throw new InvalidResult(`Row ${row} has a column with ${problem}`);
  spelling.set(name.toLowerCase(), name);
}

function nameProblem(name: string): string | null {
  if (name === '') return 'an empty name. Rename it.';
  if (/^__partwise_/i.test(name)) return `a name that is reserved for Partwise, "${name}". Rename it.`;
  if (name.includes('\0'))
    return `a NUL in its name, ${JSON.stringify(name)}, which SQL does not allow. Rename it.`;
  if (!name.isWellFormed()) return `a lone surrogate in its name, ${JSON.stringify(name)}${WHY_NO_SURROGATE}`;
  return null;
}

function checkKey(name: string, value: unknown, keyName: string, keyValue: unknown, row: number): void {
  if (value === undefined || sameValue(value, keyValue)) return;
  throw new InvalidResult(
    `Row ${row} has ${name} = ${show(value)}, but this is the partition where ${keyName} = ${show(keyValue)}. ` +
      `Key columns are added automatically: leave "${name}" out, or rename it.`,
  );
}

function sameValue(a: unknown, b: unknown): boolean {
  if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
  if (typeof a === 'object' && a !== null) return show(a) === show(b);
  // A bigint that is returned for an integer key is the same key.
  if (typeof a === 'bigint' || typeof b === 'bigint')
    return typeof a !== 'string' && typeof b !== 'string' && a == b;
  return Object.is(a, b) || a === b;
}

function show(value: unknown): string {
  if (value === undefined) return 'undefined';
  try {
    return showJson(value);
  } catch {
    return describe(value);
  }
}
