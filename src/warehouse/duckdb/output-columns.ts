/**
 * Fits a table's columns to the rows of a run. Types of undeclared columns follow from the day's values, so
 * they differ from one night to the next: 3 today, 3.5 tomorrow, nothing the day after.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column, OutputPlan } from '../../core/plan';
import { queryRows } from '../../duckdb/database-file';
import { identifier } from '../../duckdb/quote';
import { isExactNumber, roundedByDouble, widenedType } from '../../rows/combine';
import type { CombinedRows } from '../../rows/combined-rows';
import { outputMismatch } from '../output-mismatch';

/** A table that exists, and the rows that are about to be written to it. */
export interface Target {
  output: Extract<OutputPlan, { table: string }>;
  /** The quoted name. */
  name: string;
  columns: readonly Column[];
  /** SELECT of the rows that stay; null: none do. */
  kept: string | null;
  keyColumns: readonly Column[];
}

/** A column that is written. */
interface Written {
  name: string;
  /** The expression for its value. */
  value: string;
}

/** The type for a column of the table and the run's values in it. */
interface Fit {
  type: string;
  /** Whether the run has any value. */
  hasValues: boolean;
  /** Whether the values that are in the table stay. */
  keepsValues: boolean;
}

/**
 * Changes the table where that is needed, and returns the run's columns in the table's types.
 * Throws a `Refusal` with all differences that cannot be resolved. Must come before other changes of the
 * table in the transaction: DuckDB refuses to commit them the other way round.
 */
export async function fitTable(
  connection: DuckDBConnection,
  target: Target,
  rows: CombinedRows,
): Promise<Written[]> {
  const { output, name: table, columns: existing } = target;
  const inTable = new Map(existing.map((column) => [column.name.toLowerCase(), column]));
  const inRun = new Set(rows.columns.map(({ name }) => name.toLowerCase()));
  const types: string[] = [];
  const names: string[] = [];
  const added: Column[] = [];
  const changes: string[] = [];
  const written: Written[] = [];
  for (const column of rows.columns) {
    const { name } = column;
    const before = inTable.get(name.toLowerCase());
    if (before === undefined) {
      added.push(column);
      written.push({ name, value: identifier(name) });
      continue;
    }
    const fit = await fitting(connection, target, before, column, rows);
    if (fit === null) {
      types.push(
        `The column "${name}" is ${column.type} in this run and ${before.type} in "${output.table}".`,
      );
      continue;
    }
    const { type, hasValues, keepsValues } = fit;
    written.push({
      name,
      value: hasValues ? `CAST(${identifier(name)} AS ${type})` : `CAST(NULL AS ${type})`,
    });
    if (type === before.type) continue;
    const old = identifier(before.name);
    changes.push(`ALTER COLUMN ${old} TYPE ${type} USING CAST(${keepsValues ? old : 'NULL'} AS ${type})`);
  }
  // Rows that nobody returned say nothing about columns, nor does a table that was made by such a run.
  const onlyKeys = existing.length <= target.keyColumns.length;
  if (!output.evolve && !onlyKeys)
    names.push(
      ...added.map(({ name }) => `The column "${name}" is new: "${output.table}" does not have it.`),
    );
  if (!output.evolve && rows.rows > 0) {
    const missing = existing.filter(({ name }) => !inRun.has(name.toLowerCase()));
    names.push(
      ...missing.map(
        ({ name }) => `The column "${name}" of "${output.table}" is missing from this run's rows.`,
      ),
    );
  }
  if (types.length + names.length > 0) throw outputMismatch(output.table, { types, names });
  for (const { name, type } of added)
    await connection.run(`ALTER TABLE ${table} ADD COLUMN ${identifier(name)} ${type}`);
  for (const change of changes) await connection.run(`ALTER TABLE ${table} ${change}`);
  return written;
}

/** Null if no type holds all values. */
async function fitting(
  connection: DuckDBConnection,
  { kept }: Target,
  before: Column,
  fresh: Column,
  rows: CombinedRows,
): Promise<Fit | null> {
  if (before.type === fresh.type) return { type: before.type, hasValues: true, keepsValues: true };
  const [inTable, inRun] = [identifier(before.name), identifier(fresh.name)];
  const some = async (from: string, where: string): Promise<boolean> =>
    (await queryRows(connection, `SELECT 1 AS found FROM (${from}) WHERE ${where} LIMIT 1`)).length > 0;
  const rounds = async (from: string, column: string, type: string, wider: string): Promise<boolean> =>
    wider === 'DOUBLE' && isExactNumber(type) && some(from, roundedByDouble(column, type));
  if (!(await some(rows.sql, `${inRun} IS NOT NULL`)))
    return { type: before.type, hasValues: false, keepsValues: true };
  const wider = widenedType(before.type, fresh.type);
  const fits = wider !== null && !(await rounds(rows.sql, inRun, fresh.type, wider));
  if (fits && wider === before.type) return { type: wider, hasValues: true, keepsValues: true };
  if (kept === null || !(await some(kept, `${inTable} IS NOT NULL`)))
    return { type: fresh.type, hasValues: true, keepsValues: false };
  if (!fits || (await rounds(kept, inTable, before.type, wider))) return null;
  return { type: wider, hasValues: true, keepsValues: true };
}
