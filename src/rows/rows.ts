/** Converts what a partition function returned to rows and columns of the combined output. Pure. */
import { type Cell, type CellType, exactType, readCell, takeCell, typedCell, type ValueType } from './cells';
import { describe } from '../core/quote';
import type { DeclaredColumns } from './declared-columns';
import { exactCell, type ExactColumns, exactColumnsOf } from './exact-columns';
import { isObject, showJson, WHY_NO_SURROGATE } from '../core/json';
import type { Row } from '../core/row';
import { InvalidResult } from './invalid-result';
import { typedText } from './typed-text';

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

/** The types that a call has read, by column. */
export type KnownTypes = Pick<ReadonlyMap<string, string>, 'get'> | { get(name: string): string | null };

const NO_TYPES: KnownTypes = new Map();

/**
 * Converts a result; key columns are left out. A column whose values all fit into the type that is known for
 * its name gets that type. Throws `InvalidResult` if the result cannot be stored.
 */
export function toOutputRows(result: unknown, key: Row, known: KnownTypes = NO_TYPES): OutputRows {
  const rows = asRows(result);
  const unfit = new Set<string>();
  for (;;) {
    const converted = convert(rows, exactColumnsOf(result), key, (name) =>
      unfit.has(name) ? null : known.get(name),
    );
    if (typeof converted !== 'string') return converted;
    unfit.add(converted);
  }
}

/** Returns the name of a column instead if a value does not fit into its known type. */
function convert(
  rows: readonly Row[],
  exact: ExactColumns | null,
  key: Row,
  known: (name: string) => string | null | undefined,
): OutputRows | string {
  const keyNames = namesOf(key);
  const columns: OutputColumns = new Map();
  const positions = new Map<string, number>();
  /** The row that determined a column's type, for messages. */
  const firstSeen = new Map<string, number>();
  const spelling = new Map<string, string>();
  const output: Cell[][] = [];
  for (const [i, row] of rows.entries()) {
    const cells: Cell[] = [];
    for (const [name, value] of Object.entries(row)) {
      const keyName = keyNames.get(name.toLowerCase());
      if (keyName !== undefined) {
        checkKey(name, value, keyName, key[keyName], i);
        continue;
      }
      checkName(name, spelling, i);
      const type = known(name);
      const { type: taken, cell } =
        (exact && exactCell(exact, name, i)) ??
        (type == null ? null : typedCell(value, type)) ??
        takeCell(value, name, i);
      const before = columns.get(name) ?? null;
      const joined = join(before, taken);
      if (joined === undefined) {
        if (type != null && [before!, taken!].includes(`=${type}`)) return name;
        throw new InvalidResult(
          `The column "${name}" is ${kindOf(before!)} in row ${firstSeen.get(name)} and ${kindOf(taken!)} in row ${i}. Return one type per column.`,
        );
      }
      if (before === null && taken !== null) firstSeen.set(name, i);
      if (!columns.has(name)) positions.set(name, columns.size);
      columns.set(name, joined);
      cells[positions.get(name)!] = cell;
    }
    output.push(cells);
  }
  [...columns].forEach(([name, type], i) => {
    if (type === 'DOUBLE') assertExact(name, output, i);
  });
  return { columns, rows: output };
}

/** The key's columns by their names in lower case. */
function namesOf(key: Row): ReadonlyMap<string, string> {
  return new Map(Object.keys(key).map((name) => [name.toLowerCase(), name]));
}

/** A column of fractions stores integers as doubles. */
function assertExact(name: string, rows: readonly Cell[][], column: number): void {
  const row = rows.findIndex((cells) => !isDouble(cells[column]));
  if (row < 0) return;
  throw new InvalidResult(
    `The column "${name}" has fractions and, in row ${row}, ${String(rows[row]![column])}, an integer that would lose digits next to them. Return strings, or leave out the fractions.`,
  );
}

/** Whether the cell is no bigint that a double would round. */
function isDouble(cell: Cell | undefined): boolean {
  return typeof cell !== 'bigint' || BigInt(Number(cell)) === cell;
}

/** Whether a column may be stored as DOUBLE without losing digits. */
export function areDoubles(rows: readonly Cell[][], column: number): boolean {
  return rows.every((cells) => isDouble(cells[column]));
}

/**
 * Converts a result of a function that declares its columns: every row has all of them, in this order.
 * Throws `InvalidResult` for other columns, and for values that a column's type does not hold.
 */
export function toDeclaredRows(result: unknown, key: Row, declared: DeclaredColumns): Cell[][] {
  const keyNames = namesOf(key);
  return asRows(result).map((row, i) => {
    const cells: Cell[] = declared.columns.map(() => null);
    for (const [name, value] of Object.entries(row)) {
      const keyName = keyNames.get(name.toLowerCase());
      if (keyName !== undefined) {
        checkKey(name, value, keyName, key[keyName], i);
        continue;
      }
      const position = declared.positions.get(name);
      if (position === undefined) {
        throw new InvalidResult(
          `Row ${i} has a column ${JSON.stringify(name)} that the function's "output" does not declare: ` +
            `it has ${declared.columns.map((column) => column.name).join(', ')}. Declare it, or leave it out.`,
        );
      }
      if (value === null || value === undefined) continue;
      const { type } = declared.columns[position]!;
      const text = typedText(type, 'given')!(value);
      if (text === undefined) {
        throw new InvalidResult(
          `The column "${name}" of row ${i} is ${shortly(value)}, which is not a value of ${type}, the type that the function's "output" declares. ` +
            'Convert it, or declare another type.',
        );
      }
      cells[position] = text;
    }
    return cells;
  });
}

/** `3.5`, `"text"`, `a Date (2024-…)`: for messages. */
function shortly(value: unknown): string {
  const text = show(value);
  const cut = text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`;
  return typeof value === 'object' ? `${describe(value)} (${cut})` : cut;
}

const MAX_SHOWN = 100;

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

/** The end of a sentence about a column's name, or null. */
export function nameProblem(name: string): string | null {
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
