/**
 * Determines the columns of the combined rows of all partitions. Each file has the columns that its
 * partitions returned; types depend on the values, so `1` in one partition and `1.5` in another must be
 * unified in one column.
 */
import type { Column } from '../core/plan';
import { type Field, parseType, type SqlType, typeText } from '../duckdb/sql-type';

/** Columns of one file of returned rows. */
export interface FileColumns {
  /** Columns with values, and their types. */
  columns: Column[];
  /** All columns, in the order in which they were returned; those without any value have no type. */
  order: string[];
}

/** The type of a column without a value in any partition. */
const DEFAULT_TYPE = 'VARCHAR';

/**
 * Returns the columns in order of appearance, with the narrowest type that holds every file's values.
 * `problems` are sentences about columns whose types are incompatible or whose names differ only in case.
 */
export function combineColumns(files: readonly FileColumns[]): { columns: Column[]; problems: string[] } {
  const order = mergeOrders(
    files.map(({ columns, order: listed }) => [...listed, ...columns.map(({ name }) => name)]),
  );
  const types = new Map<string, string>();
  const mismatched = new Map<string, string>();
  for (const { name, type } of files.flatMap(({ columns }) => columns)) {
    const before = types.get(name);
    const unified = before === undefined ? type : unifyTypes(before, type);
    if (unified !== null) types.set(name, unified);
    else if (!mismatched.has(name)) mismatched.set(name, mismatch(name, before!, type));
  }
  return {
    columns: order.map((name) => ({ name, type: types.get(name) ?? DEFAULT_TYPE })),
    problems: [...mismatched.values(), ...caseConflicts(order)],
  };
}

/** A new name in a later list is inserted before the known name that follows it there, or at the end. */
function mergeOrders(lists: readonly string[][]): string[] {
  const merged: string[] = [];
  const known = new Set<string>();
  for (const repeated of lists) {
    const list = [...new Set(repeated)];
    list.forEach((name, i) => {
      if (known.has(name)) return;
      const next = list.slice(i + 1).find((later) => known.has(later));
      merged.splice(next === undefined ? merged.length : merged.indexOf(next), 0, name);
      known.add(name);
    });
  }
  return merged;
}

function caseConflicts(names: readonly string[]): string[] {
  const seen = new Map<string, string>();
  const problems: string[] = [];
  for (const name of names) {
    const other = seen.get(name.toLowerCase());
    if (other === undefined) seen.set(name.toLowerCase(), name);
    else {
      problems.push(
        `The columns "${other}" and "${name}" differ only in case, which SQL ignores: return one spelling.`,
      );
    }
  }
  return problems;
}

function mismatch(name: string, a: string, b: string): string {
  return (
    `The column "${name}" is ${kindOf(a)} (${a}) in some partitions and ${kindOf(b)} (${b}) in others: ` +
    `return one type for all, for example String(${name}).`
  );
}

function kindOf(type: string): string {
  if (integerRank(type) !== null || isFloat(type) || decimal(type) !== null) return 'a number';
  if (type === 'VARCHAR') return 'text';
  if (type === 'JSON') return 'an object or a list';
  if (type === 'BOOLEAN') return 'true or false';
  if (type === 'DATE' || type.startsWith('TIMESTAMP')) return 'a date';
  if (type.endsWith(']')) return 'a list';
  if (type.startsWith('STRUCT') || type.startsWith('MAP')) return 'an object';
  return 'another type';
}

/** The narrowest type that holds the values of both, or null if there is none. */
export function unifyTypes(a: string, b: string): string | null {
  if (a === b) return a;
  const both = unify(parseType(a), parseType(b));
  return both && typeText(both);
}

function unify(a: SqlType, b: SqlType): SqlType | null {
  const [nameA, nameB] = [plainName(a), plainName(b)];
  if (nameA !== null && nameB !== null) {
    const name =
      nameA === nameB
        ? nameA
        : (unifyNumbers(nameA, nameB) ?? unifyDates(nameA, nameB) ?? unifyTexts(nameA, nameB));
    return name === null ? null : { kind: 'plain', name };
  }
  // JSON has a form for everything that is nested.
  if (nameA === 'JSON' || nameB === 'JSON') return JSON_TYPE;
  return unifyNested(a, b);
}

const JSON_TYPE: SqlType = { kind: 'plain', name: 'JSON' };

function plainName(type: SqlType): string | null {
  return type.kind === 'plain' ? type.name : null;
}

const SIGNED = ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT'];
/** The narrowest signed type that holds an unsigned one. */
const UNSIGNED = ['', 'UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT'];
const DIGITS = [3, 5, 10, 19, 39];
const MAX_DIGITS = 38;

function integerRank(type: string): number | null {
  const rank = SIGNED.includes(type) ? SIGNED.indexOf(type) : UNSIGNED.indexOf(type);
  return rank < 0 ? null : rank;
}

function isFloat(type: string): boolean {
  return type === 'DOUBLE' || type === 'FLOAT' || type === 'UHUGEINT';
}

function decimal(type: string): { whole: number; scale: number } | null {
  const match = /^DECIMAL\((\d+),(\d+)\)$/.exec(type);
  if (match === null) return null;
  return { whole: Number(match[1]) - Number(match[2]), scale: Number(match[2]) };
}

function unifyNumbers(a: string, b: string): string | null {
  const [rankA, rankB] = [integerRank(a), integerRank(b)];
  if (rankA !== null && rankB !== null) return SIGNED[Math.max(rankA, rankB)]!;
  const [decimalA, decimalB] = [asDecimal(a), asDecimal(b)];
  if (decimalA !== null && decimalB !== null) {
    const scale = Math.max(decimalA.scale, decimalB.scale);
    const digits = Math.max(decimalA.whole, decimalB.whole) + scale;
    return digits <= MAX_DIGITS ? `DECIMAL(${digits},${scale})` : 'DOUBLE';
  }
  const numbers = [a, b].every((type) => isFloat(type) || asDecimal(type) !== null);
  return numbers ? 'DOUBLE' : null;
}

/**
 * `unifyTypes`, but only within a kind (numbers, times, and lists and structs of them), so that a column does
 * not become text or JSON. Returns `before` as it is spelled if nothing has to change.
 */
export function widenedType(before: string, fresh: string): string | null {
  const both = unify(parseType(before), parseType(fresh));
  if (both === null || (both.kind === 'plain' && ['VARCHAR', 'JSON'].includes(both.name))) return null;
  const text = typeText(both);
  return text === typeText(parseType(before)) ? before : text;
}

/** Whether values of the type are integers or DECIMALs. */
export function isExactNumber(type: string): boolean {
  return asDecimal(type) !== null;
}

/** The SQL condition for values of such a type that have more digits than a DOUBLE. */
export function roundedByDouble(column: string, type: string): string {
  return `${column} IS NOT NULL AND TRY_CAST(CAST(${column} AS DOUBLE) AS ${type}) IS DISTINCT FROM ${column}`;
}

function asDecimal(type: string): { whole: number; scale: number } | null {
  const rank = integerRank(type);
  return rank === null ? decimal(type) : { whole: DIGITS[rank]!, scale: 0 };
}

const DATES = [
  'DATE',
  'TIMESTAMP_S',
  'TIMESTAMP_MS',
  'TIMESTAMP',
  'TIMESTAMP_NS',
  'TIMESTAMP WITH TIME ZONE',
];

/** A DATE becomes midnight; times without a zone are UTC. */
function unifyDates(a: string, b: string): string | null {
  if (!DATES.includes(a) || !DATES.includes(b)) return null;
  return DATES[Math.max(DATES.indexOf(a), DATES.indexOf(b))]!;
}

/** Types that functions read as text, so a partition may return other text for them. */
const TEXTS = ['VARCHAR', 'JSON', 'UUID', 'TIME', 'TIME_NS', 'TIME WITH TIME ZONE', 'INTERVAL', 'BIT'];

function unifyTexts(a: string, b: string): string | null {
  const texts = [a, b].every((type) => TEXTS.includes(type) || type.startsWith('ENUM('));
  return texts ? 'VARCHAR' : null;
}

function unifyNested(a: SqlType, b: SqlType): SqlType | null {
  if (a.kind === 'list' && b.kind === 'list') {
    const item = unify(a.item, b.item);
    return item && { kind: 'list', item, size: a.size === b.size ? a.size : null };
  }
  if (a.kind === 'map' && b.kind === 'map') {
    const [key, value] = [unify(a.key, b.key), unify(a.value, b.value)];
    return key && value && { kind: 'map', key, value };
  }
  if (a.kind === 'struct' && b.kind === 'struct') return unifyStructs(a.fields, b.fields);
  return null;
}

function unifyStructs(a: readonly Field[], b: readonly Field[]): SqlType | null {
  const fields = new Map(a);
  for (const [name, type] of b) {
    const before = fields.get(name);
    const both = before === undefined ? type : unify(before, type);
    if (both === null) return null;
    fields.set(name, both);
  }
  return { kind: 'struct', fields: [...fields] };
}
