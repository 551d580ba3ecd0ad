/**
 * Maps columns of combined rows to those of a table: their types, the form in which they are loaded, and
 * whether they are compatible.
 */
import type { Column, OutputPlan } from '../../core/plan';
import type { CombinedRows } from '../../rows/combined-rows';
import type { ResultColumn } from '../../snowflake';
import { nameInSnowflake } from '../../snowflake/names';
import { identifier } from '../../duckdb/quote';
import { outputMismatch } from '../output-mismatch';
import { replacementOf } from './retyped-columns';

/** How values of a type are loaded into Snowflake. */
interface Loading {
  /** The driver's names for the types of columns that accept it. */
  families: readonly string[];
  /** The type of a new column. */
  type: string;
  /** The type of the column that it is loaded into. */
  loaded: string;
  /** DuckDB's SQL that converts a value to the form in which it is loaded. */
  form: (value: string) => string;
  /** Snowflake's SQL that converts that form to the value. */
  value: (form: string) => string;
}

const asIs = (sql: string): string => sql;
const asText = (value: string): string => `CAST(${value} AS VARCHAR)`;
const TEXT: Loading = { families: ['text'], type: 'VARCHAR', loaded: 'VARCHAR', form: asText, value: asIs };

function ofType(type: string): Loading {
  const digits = digitsOf(type);
  if (digits !== null) {
    const number = `NUMBER(${digits.isInteger ? 38 : digits.precision},${digits.scale})`;
    // DuckDB writes HUGEINT to Parquet as DOUBLE.
    const form = (value: string): string =>
      `CAST(${value} AS DECIMAL(${digits.isInteger ? 38 : digits.precision},${digits.scale}))`;
    return { families: ['fixed', 'real'], type: number, loaded: number, form, value: asIs };
  }
  if (type === 'DOUBLE' || type === 'FLOAT')
    return {
      families: ['real'],
      type: 'FLOAT',
      loaded: 'FLOAT',
      form: (value) => `CAST(${value} AS DOUBLE)`,
      value: asIs,
    };
  if (type === 'BOOLEAN') return { families: ['boolean'], type, loaded: type, form: asIs, value: asIs };
  if (type === 'DATE')
    return {
      ...TEXT,
      families: ['date', 'timestamp_ntz'],
      type,
      value: (form) => `CAST(${form} AS DATE)`,
    };
  if (type === 'TIME') return { ...TEXT, families: ['time'], type, value: (form) => `CAST(${form} AS TIME)` };
  if (type === 'TIMESTAMP WITH TIME ZONE') {
    return {
      families: ['timestamp_tz', 'timestamp_ltz'],
      type: 'TIMESTAMP_TZ',
      loaded: 'VARCHAR',
      form: (value) => `strftime(${value}, '%Y-%m-%d %H:%M:%S.%f+00:00')`,
      value: (form) => `CAST(${form} AS TIMESTAMP_TZ)`,
    };
  }
  if (type.startsWith('TIMESTAMP'))
    return {
      ...TEXT,
      families: ['timestamp_ntz'],
      type: 'TIMESTAMP_NTZ',
      value: (form) => `CAST(${form} AS TIMESTAMP_NTZ)`,
    };
  if (type === 'BLOB') {
    return {
      ...TEXT,
      families: ['binary'],
      type: 'BINARY',
      form: (value) => `hex(${value})`,
      value: (form) => `TO_BINARY(${form}, 'HEX')`,
    };
  }
  if (/^(JSON|STRUCT|MAP|UNION)\b|\[\d*\]$/.test(type)) {
    return {
      ...TEXT,
      families: ['variant', 'object', 'array'],
      type: 'VARIANT',
      form: (value) => asText(`to_json(${value})`),
      value: (form) => `PARSE_JSON(${form})`,
    };
  }
  return TEXT;
}

const INTEGER_DIGITS: Record<string, number> = {
  TINYINT: 3,
  UTINYINT: 3,
  SMALLINT: 5,
  USMALLINT: 5,
  INTEGER: 10,
  UINTEGER: 10,
  BIGINT: 19,
  UBIGINT: 20,
  HUGEINT: 38,
  UHUGEINT: 38,
};

/** Null if the type is not an exact number. */
function digitsOf(type: string): { precision: number; scale: number; isInteger: boolean } | null {
  const integer = INTEGER_DIGITS[type];
  if (integer !== undefined) return { precision: integer, scale: 0, isInteger: true };
  const [, precision, scale] = /^DECIMAL\((\d+),(\d+)\)$/.exec(type) ?? [];
  return precision === undefined
    ? null
    : { precision: Number(precision), scale: Number(scale), isInteger: false };
}

/** A column of the rows, and its target. */
export interface OutputColumn extends Loading {
  /** Its name in the rows. */
  name: string;
  /** The column of the table that it is written to. */
  target: string;
  /** Whether the table lacks that column. */
  isNew: boolean;
  /** The column that the target is going to replace; null: none. */
  replaces: string | null;
  /** Whether the values of that column are kept. */
  keepsValues: boolean;
}

/** What is asked about values, of columns whose types differ. */
export interface Values {
  /** Whether the run's rows have a value in the column. */
  inRun(name: string): Promise<boolean>;
  /** Whether a DOUBLE would round the run's values. */
  roundedInRun(name: string, type: string): Promise<boolean>;
  /** Whether any row of the table that stays has a value. */
  inTable(column: ResultColumn): Promise<boolean>;
  /** Whether FLOAT would round the table's values. */
  roundedInTable(column: ResultColumn): Promise<boolean>;
}

/**
 * Maps each column to its target. `existing` are the table's columns, or null if it does not exist. Types
 * follow from the day's values, so columns are widened where that keeps all values, or replaced where none
 * are kept. Other drift is refused with the differences, unless the run allows evolution: then columns are
 * added.
 */
export async function outputColumns(
  { columns, rows }: Pick<CombinedRows, 'columns' | 'rows'>,
  keyColumns: readonly Column[],
  existing: readonly ResultColumn[] | null,
  output: Extract<OutputPlan, { table: string }>,
  values: Values,
): Promise<OutputColumn[]> {
  const types: string[] = [];
  const names: string[] = [];
  const found: OutputColumn[] = [];
  // A table that was made by a run without rows has only keys.
  const onlyKeys = existing !== null && existing.length <= keyColumns.length;
  for (const { name, type } of columns) {
    const loading = ofType(type);
    const own =
      existing?.find((column) => column.name === name) ??
      existing?.find((column) => isSame(column.name, name));
    if (own === undefined) {
      if (existing !== null && !output.evolve && !onlyKeys)
        names.push(`The column "${name}" is new: "${output.table}" does not have it.`);
      found.push({
        ...loading,
        name,
        target: nameInSnowflake(name),
        isNew: true,
        replaces: null,
        keepsValues: false,
      });
      continue;
    }
    const fit = await fitting(own, name, type, loading, values);
    if (fit !== null) found.push({ ...fit, name });
    else
      types.push(
        `The column "${name}" is ${loading.type} in this run and ${typeOf(own)} in "${output.table}".`,
      );
  }
  // Rows that nobody returned say nothing about columns.
  if (!output.evolve && rows > 0) {
    for (const { name } of existing ?? []) {
      if (!columns.some((column) => isSame(column.name, name)))
        names.push(`The column "${name}" of "${output.table}" is missing from this run's rows.`);
    }
  }
  if (types.length + names.length === 0) return found;
  throw outputMismatch(output.table, { types, names });
}

/** Null if no type holds all values. */
async function fitting(
  own: ResultColumn,
  name: string,
  type: string,
  loading: Loading,
  values: Values,
): Promise<Omit<OutputColumn, 'name'> | null> {
  const unchanged = { target: own.name, isNew: false, replaces: null, keepsValues: true };
  const isRounded = own.type === 'real' && loading.type !== 'FLOAT' && digitsOf(type) !== null;
  if (takes(own, type, loading) && !(isRounded && (await values.roundedInRun(name, type))))
    return { ...loading, ...unchanged };
  if (!(await values.inRun(name))) return { ...TEXT, value: () => 'NULL', ...unchanged };
  const replacement = { target: replacementOf(own.name), isNew: true, replaces: own.name };
  if (!(await values.inTable(own))) return { ...loading, ...replacement, keepsValues: false };
  const wider = widened(own, type, loading);
  if (wider === null) return null;
  const becomesFloat = wider.type === 'FLOAT';
  if (becomesFloat && digitsOf(type) !== null && (await values.roundedInRun(name, type))) return null;
  if (becomesFloat && own.type === 'fixed' && (await values.roundedInTable(own))) return null;
  return { ...wider, ...replacement, keepsValues: true };
}

/** How values are loaded into the narrowest type that holds those of both; null if there is none. */
function widened(own: ResultColumn, type: string, loading: Loading): Loading | null {
  if (own.type === 'date' && loading.type === 'TIMESTAMP_NTZ') return loading;
  if (own.type !== 'fixed') return null;
  if (loading.type === 'FLOAT') return loading;
  const digits = digitsOf(type);
  if (digits === null) return null;
  const scale = Math.max(digits.scale, own.scale ?? 0);
  const whole = Math.max(digits.precision - digits.scale, (own.precision ?? 38) - (own.scale ?? 0));
  return ofType(whole + scale <= 38 ? `DECIMAL(${whole + scale},${scale})` : 'DOUBLE');
}

function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** Whether the table's column holds every value of the type. */
function takes(own: ResultColumn, type: string, { families }: Loading): boolean {
  if (!families.includes(own.type)) return false;
  const digits = digitsOf(type);
  if (digits === null || own.type !== 'fixed') return true;
  const scale = own.scale ?? 0;
  // Integers from functions have 64 bits regardless of their values; Snowflake itself refuses those that do
  // not fit.
  return (
    digits.scale <= scale &&
    (digits.isInteger || digits.precision - digits.scale <= (own.precision ?? 38) - scale)
  );
}

function typeOf({ type, precision, scale }: ResultColumn): string {
  return type === 'fixed' ? `NUMBER(${precision},${scale})` : type === 'real' ? 'FLOAT' : type.toUpperCase();
}

/** DuckDB's SELECT list for the file to load: C0, C1, … */
export function formsOf(columns: readonly Pick<OutputColumn, 'name' | 'form'>[]): string {
  return columns.map(({ name, form }, i) => `${form(identifier(name))} AS C${i}`).join(', ');
}
