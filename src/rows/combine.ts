/**
 * Determines the columns of the combined rows of all partitions. Each file has the columns that its
 * partitions returned; types depend on the values, so `1` in one partition and `1.5` in another must be
 * unified in one column.
 */
import type { Column } from '../core/plan';

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
  return unifyNumbers(a, b) ?? unifyDates(a, b) ?? unifyTexts(a, b) ?? unifyNested(a, b);
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

function unifyTexts(a: string, b: string): string | null {
  const texts = [a, b].every(
    (type) => type === 'VARCHAR' || type === 'JSON' || type === 'UUID' || type.startsWith('ENUM('),
  );
  return texts ? 'VARCHAR' : null;
}

function unifyNested(a: string, b: string): string | null {
  const [itemA, itemB] = [listItem(a), listItem(b)];
  if (itemA !== null && itemB !== null) {
    const item = unifyTypes(itemA, itemB);
    return item === null ? null : `${item}[]`;
  }
  const [fieldsA, fieldsB] = [structFields(a), structFields(b)];
  if (fieldsA !== null && fieldsB !== null) return unifyStructs(fieldsA, fieldsB);
  return null;
}

/** `INTEGER[]` and `INTEGER[3]` → `INTEGER`. */
function listItem(type: string): string | null {
  const match = /^(.*)\[\d*\]$/s.exec(type);
  return match === null ? null : match[1]!;
}

function unifyStructs(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string | null {
  const fields: string[] = [];
  for (const name of new Set([...a.keys(), ...b.keys()])) {
    const [typeA, typeB] = [a.get(name), b.get(name)];
    const type = typeA === undefined ? typeB! : typeB === undefined ? typeA : unifyTypes(typeA, typeB);
    if (type === null) return null;
    fields.push(`${name} ${type}`);
  }
  return `STRUCT(${fields.join(', ')})`;
}

/** `STRUCT(a INTEGER, "b c" VARCHAR[])` → name (as written) and type of each field. */
function structFields(type: string): Map<string, string> | null {
  if (!type.startsWith('STRUCT(') || !type.endsWith(')')) return null;
  const fields = new Map<string, string>();
  for (const field of splitTopLevel(type.slice('STRUCT('.length, -1))) {
    const match = /^("(?:[^"]|"")*"|\S+) (.*)$/s.exec(field);
    if (match === null) return null;
    fields.set(match[1]!, match[2]!);
  }
  return fields;
}

/** Splits at commas outside parentheses and quotes. */
function splitTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quote: string | null = null;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (quote !== null) quote = char === quote ? null : quote;
    else if (char === '"' || char === "'") quote = char;
    else if (char === '(') depth++;
    else if (char === ')') depth--;
    else if (char === ',' && depth === 0) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  parts.push(text.slice(start).trim());
  return parts;
}
