/**
 * DuckDB types that Parquet does not hold as they are. Their values are stored as text, which DuckDB casts
 * back without losing anything, or in a type that is similar enough. Pure.
 */
import type { Column } from '../core/plan';
import { identifier } from '../duckdb/quote';
import { mapPlain, parseType, type SqlType, typeText } from '../duckdb/sql-type';

/**
 * Parquet would round 128-bit integers to DOUBLE and INTERVALs to milliseconds, refuse negative INTERVALs,
 * and move a TIME WITH TIME ZONE to UTC. DuckDB writes the others as these types anyway.
 */
const STORED: Record<string, string> = {
  HUGEINT: 'VARCHAR',
  UHUGEINT: 'VARCHAR',
  INTERVAL: 'VARCHAR',
  'TIME WITH TIME ZONE': 'VARCHAR',
  BIT: 'VARCHAR',
  BIGNUM: 'VARCHAR',
  TIMESTAMP_S: 'TIMESTAMP',
  TIMESTAMP_MS: 'TIMESTAMP',
};

/** The type that values are stored in, or null if it is their own. */
function storedType(type: string): string | null {
  if (Object.hasOwn(STORED, type)) return STORED[type]!;
  const parsed = parseType(type);
  if (parsed.kind === 'plain') return null;
  const stored = typeText(mapPlain(asLists(parsed), (name) => STORED[name] ?? name));
  return stored === typeText(parsed) ? null : stored;
}

/** Parquet has lists of any length only. */
function asLists(type: SqlType): SqlType {
  switch (type.kind) {
    case 'plain':
      return type;
    case 'list':
      return { kind: 'list', item: asLists(type.item), size: null };
    case 'map':
      return { kind: 'map', key: asLists(type.key), value: asLists(type.value) };
    default:
      return { ...type, fields: type.fields.map(([name, field]) => [name, asLists(field)]) };
  }
}

/** The SQL expression that stores a value of the type. */
export function storedSql(value: string, type: string): string {
  const stored = storedType(type);
  return stored === null ? value : `CAST(${value} AS ${stored})`;
}

/** The SQL expression for a column's value in its own type, however it is stored. */
export function restoredSql(name: string, type: string): string {
  return storedType(type) === null ? identifier(name) : `CAST(${identifier(name)} AS ${type})`;
}

/** A clause for `SELECT *` that stores columns. */
export function storingClause(columns: readonly Column[]): string {
  return replaceClause(columns, ({ name, type }) => storedSql(identifier(name), type));
}

/** A clause for `SELECT *` that gives stored columns their own types again. */
export function restoringClause(columns: readonly Column[]): string {
  return replaceClause(columns, ({ name, type }) => `CAST(${identifier(name)} AS ${type})`);
}

function replaceClause(columns: readonly Column[], value: (column: Column) => string): string {
  const changed = columns.filter(({ type }) => storedType(type) !== null);
  if (changed.length === 0) return '';
  return ` REPLACE (${changed.map((column) => `${value(column)} AS ${identifier(column.name)}`).join(', ')})`;
}

/** Parquet metadata: all columns in order as a JSON array, including those that were null in every row. */
export const COLUMNS_METADATA = 'partwise_columns';
/** Parquet metadata: the types of columns that are stored in another type, as a JSON object. */
export const TYPES_METADATA = 'partwise_types';

/** The value of `TYPES_METADATA`. A type is null if it is stored as it is. */
export function storedTypes(columns: readonly { name: string; type: string | null }[]): string {
  const changed = columns.filter(({ type }) => type !== null && storedType(type) !== null);
  return JSON.stringify(Object.fromEntries(changed.map(({ name, type }) => [name, type])));
}

/** The columns of the partition index that hold the key. */
export function indexKeys(keyColumns: readonly Column[]): Column[] {
  return keyColumns.map(({ type }, i) => ({ name: `key_${i}`, type }));
}

/** The type for a table or file that leaves Partwise, in which an ENUM's values would have to be listed. */
export function withoutEnums(type: string): string {
  return typeText(mapPlain(parseType(type), (name) => (name.startsWith('ENUM(') ? 'VARCHAR' : name)));
}

/** Why values of the type cannot be stored, as the end of a sentence, or null if they can. */
export function typeProblem(type: string): string | null {
  const parsed = parseType(type);
  if (parsed.kind === 'union') return 'is a UNION, which Parquet cannot store';
  return hasUnion(parsed) ? 'contains a UNION, which Parquet cannot store' : null;
}

function hasUnion(type: SqlType): boolean {
  switch (type.kind) {
    case 'plain':
      return false;
    case 'list':
      return hasUnion(type.item);
    case 'map':
      return hasUnion(type.key) || hasUnion(type.value);
    default:
      return type.kind === 'union' || type.fields.some(([, field]) => hasUnion(field));
  }
}
