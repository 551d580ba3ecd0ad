/** Columns of Parquet files that DuckDB would change. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../core/plan';
import { Refusal } from '../core/refusal';
import { queryRows } from './database-file';
import { describeColumns } from './describe-columns';
import { pathList, readerSql } from './file-reader';
import { MAX_DECIMAL_DIGITS } from './guessed-types';
import { identifier, literal } from './quote';

/** Refuses what DuckDB would change without a word. */
export async function refuseInexactParquet(
  connection: DuckDBConnection,
  paths: readonly string[],
  columns: readonly Column[],
): Promise<void> {
  const wide = await queryRows<{ name: string; file: string; precision: number }>(
    connection,
    `SELECT name, file_name AS file, precision::INTEGER AS precision FROM parquet_schema(${pathList(paths)}) WHERE precision > ${MAX_DECIMAL_DIGITS}`,
  );
  if (wide.length > 0) {
    throw new Refusal(
      'InvalidInput',
      wide.map(
        ({ name, file, precision }) =>
          `The column "${name}" of "${file}" is a DECIMAL with ${precision} digits, which DuckDB reads wrong: it has up to ${MAX_DECIMAL_DIGITS}. ` +
          'Write the file with fewer digits, or with the column as text.',
      ),
    );
  }
  if (paths.length > 1) await refuseWidened(connection, paths, columns);
}

/** Whole numbers in one file and fractions in another become DOUBLE, which does not have all of them. */
async function refuseWidened(
  connection: DuckDBConnection,
  paths: readonly string[],
  columns: readonly Column[],
): Promise<void> {
  const widened = columns.filter(({ type }) => /\b(DOUBLE|FLOAT)\b/.test(type));
  if (widened.length === 0) return;
  for (const { name, type } of widened) {
    const files = await filesWithOtherType(connection, paths, { name, type });
    if (files.length === 0) continue;
    const column = identifier(name);
    const own = (await describeColumns(connection, readerSql(files))).find((each) => each.name === name)!;
    const [lost] = await queryRows<{ value: string }>(
      connection,
      `SELECT ${column}::VARCHAR AS value FROM ${readerSql(files)}
        WHERE TRY_CAST(${column}::${type} AS ${own.type}) IS DISTINCT FROM ${column} LIMIT 1`,
    );
    if (lost === undefined) continue;
    throw new Refusal('InvalidInput', [
      `The column "${name}" is ${type} in some files and ${own.type} in others, such as "${files[0]}", and ${type} does not hold ${lost.value}. ` +
        'Write the files with one type, or cast the column in a query.',
    ]);
  }
}

/** Files in which the column has a type other than a fraction where the column of all files has one. */
async function filesWithOtherType(
  connection: DuckDBConnection,
  paths: readonly string[],
  { name, type }: Column,
): Promise<string[]> {
  if (type === 'DOUBLE' || type === 'FLOAT') {
    const found = await queryRows<{ file: string }>(
      connection,
      `SELECT DISTINCT file_name AS file FROM parquet_schema(${pathList(paths)})
        WHERE name = ${literal(name)} AND duckdb_type IS NOT NULL AND duckdb_type NOT IN ('DOUBLE', 'FLOAT')`,
    );
    return found.map(({ file }) => file);
  }
  const files: string[] = [];
  for (const path of paths) {
    const own = (await describeColumns(connection, readerSql([path]))).find((each) => each.name === name);
    if (own !== undefined && own.type !== type) files.push(path);
  }
  return files;
}
