/**
 * Maps columns of combined rows to those of a table: their types, the form in which they are loaded, and
 * whether they are compatible.
 */
import type { Column, OutputPlan } from '../../core/plan';
import { Refusal } from '../../core/refusal';
import type { ResultColumn } from '../../snowflake';
import { nameInSnowflake } from '../../snowflake/names';
import { quoteIdentifier } from '../../duckdb/database-file';

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
  if (type === 'DATE') return { ...TEXT, families: ['date'], type, value: (form) => `CAST(${form} AS DATE)` };
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
  /** Its name in the table. */
  target: string;
  /** Whether the table lacks it. */
  isNew: boolean;
}

/**
 * Maps each column to its target. `existing` are the table's columns, or null if it does not exist. Column
 * drift is refused with the differences, unless the run allows evolution: then columns are added.
 */
export function outputColumns(
  columns: readonly Column[],
  existing: readonly ResultColumn[] | null,
  output: Extract<OutputPlan, { table: string }>,
): OutputColumn[] {
  const problems: string[] = [];
  const found = columns.map(({ name, type }) => {
    const loading = ofType(type);
    const own =
      existing?.find((column) => column.name === name) ??
      existing?.find((column) => isSame(column.name, name));
    if (own === undefined) {
      if (existing !== null && !output.evolve)
        problems.push(`The column "${name}" is new: "${output.table}" does not have it.`);
      return { ...loading, name, target: nameInSnowflake(name), isNew: true };
    }
    if (!takes(own, type, loading))
      problems.push(
        `The column "${name}" is ${loading.type} in this run and ${typeOf(own)} in "${output.table}".`,
      );
    return { ...loading, name, target: own.name, isNew: false };
  });
  if (!output.evolve) {
    for (const { name } of existing ?? []) {
      if (!columns.some((column) => isSame(column.name, name)))
        problems.push(`The column "${name}" of "${output.table}" is missing from this run's rows.`);
    }
  }
  if (problems.length === 0) return found;
  throw new Refusal('OutputMismatch', [
    ...problems,
    `"${output.table}" was not changed: drop it, name another table, or allow new columns with output.evolve.`,
  ]);
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
  return columns.map(({ name, form }, i) => `${form(quoteIdentifier(name))} AS C${i}`).join(', ');
}
