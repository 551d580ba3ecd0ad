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
  for (const { name, type } of columns) {
    if (type !== 'DOUBLE' && type !== 'FLOAT') continue;
    const other = await queryRows<{ file: string }>(
      connection,
      `SELECT DISTINCT file_name AS file FROM parquet_schema(${pathList(paths)})
        WHERE name = ${literal(name)} AND duckdb_type IS NOT NULL AND duckdb_type NOT IN ('DOUBLE', 'FLOAT')`,
    );
    if (other.length === 0) continue;
    const files = other.map(({ file }) => file);
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
