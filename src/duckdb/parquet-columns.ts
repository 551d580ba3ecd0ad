/** Columns of Parquet files that DuckDB would change. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../core/plan';
import { Refusal } from '../core/refusal';
import { queryRows } from './database-file';
import { describeColumns } from './describe-columns';
import { pathList, readerSql } from './file-reader';
import { identifier } from './quote';
import { parseType, type SqlType } from './sql-type';
import { wideDecimalProblem, wideDecimals } from './wide-decimals';

/** Refuses what DuckDB would change without a word. */
export async function refuseInexactParquet(
  connection: DuckDBConnection,
  paths: readonly string[],
  columns: readonly Column[],
): Promise<void> {
  const wide = await wideDecimals(connection, paths);
  if (wide.length > 0) {
    throw new Refusal(
      'InvalidInput',
      wide.map((column) => wideDecimalProblem(column, '')),
    );
  }
  const shapes = paths.length === 1 ? [] : await shapesOf(connection, paths);
  if (shapes.length <= 1) return;
  await refuseMixed(connection, shapes, columns);
  await refuseWidened(connection, shapes, columns);
}

/** Files with the same schema. */
interface Shape {
  files: readonly string[];
  /** By the column's name in lower case, since DuckDB combines files without regard to case. */
  types: ReadonlyMap<string, string>;
}

/** Refuses columns whose types in different files DuckDB cannot convert, or would change: `true` is not 1. */
async function refuseMixed(
  connection: DuckDBConnection,
  shapes: readonly Shape[],
  columns: readonly Column[],
): Promise<void> {
  const problems: string[] = [];
  for (const { name, type } of columns) {
    const places = new Map<string, string>();
    let isMixed = false;
    for (const { files, types: own } of shapes) {
      const found = own.get(name.toLowerCase());
      if (found === undefined) continue;
      const holds = holdsAll(parseType(type), parseType(found));
      // Writers give a column without values any type.
      if (!holds && !(await hasValues(connection, files, name))) continue;
      isMixed ||= !holds;
      places.set(found, places.get(found) ?? files[0]!);
    }
    const types = [...places].map(([own, file]) => `${own} in "${file}"`);
    if (isMixed)
      problems.push(
        `The column "${name}" has types that no type holds: ${types.join(', ')}. Write the files with one type, or cast the column in a query.`,
      );
  }
  if (problems.length > 0) throw new Refusal('InvalidInput', problems);
}

async function shapesOf(connection: DuckDBConnection, paths: readonly string[]): Promise<Shape[]> {
  const found = await queryRows<{ files: string[] }>(
    connection,
    `SELECT list(file_name ORDER BY file_name) AS files FROM (
       SELECT file_name, list([name, num_children::VARCHAR, duckdb_type, logical_type, precision::VARCHAR, scale::VARCHAR] ORDER BY column_id) AS shape
         FROM parquet_schema(${pathList(paths)}) GROUP BY file_name
     ) GROUP BY shape ORDER BY min(file_name)`,
  );
  const shapes: Shape[] = [];
  for (const { files } of found) {
    const own = await describeColumns(connection, readerSql(files.slice(0, 1)));
    shapes.push({ files, types: new Map(own.map(({ name, type }) => [name.toLowerCase(), type])) });
  }
  return shapes;
}

async function hasValues(
  connection: DuckDBConnection,
  files: readonly string[],
  name: string,
): Promise<boolean> {
  const from = readerSql(files);
  const found = await queryRows(
    connection,
    `SELECT 1 FROM ${from} WHERE ${identifier(name)} IS NOT NULL LIMIT 1`,
  );
  return found.length > 0;
}

const NUMBER = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL\(.*\)|FLOAT|DOUBLE)$/;
const DAY = /^(DATE|TIMESTAMP.*)$/;

/** Whether the values of a type are still what they were in another. */
function holdsAll(wide: SqlType, own: SqlType): boolean {
  if (wide.kind === 'plain') {
    if (wide.name === 'VARCHAR') return true;
    if (own.kind !== 'plain') return false;
    const [to, from] = [wide.name, own.name];
    if (to === from || (NUMBER.test(to) && NUMBER.test(from)) || (DAY.test(to) && DAY.test(from)))
      return true;
    return to === 'BLOB' && from === 'VARCHAR';
  }
  if (wide.kind === 'list') return own.kind === 'list' && holdsAll(wide.item, own.item);
  if (wide.kind === 'map')
    return own.kind === 'map' && holdsAll(wide.key, own.key) && holdsAll(wide.value, own.value);
  if (own.kind !== 'struct' && own.kind !== 'union') return false;
  const fields = new Map(wide.fields.map(([name, type]) => [name.toLowerCase(), type]));
  return own.fields.every(([name, type]) => {
    const field = fields.get(name.toLowerCase());
    return field !== undefined && holdsAll(field, type);
  });
}

/** Whole numbers in one file and fractions in another become DOUBLE, which does not have all of them. */
async function refuseWidened(
  connection: DuckDBConnection,
  shapes: readonly Shape[],
  columns: readonly Column[],
): Promise<void> {
  const widened = columns.filter(({ type }) => /\b(DOUBLE|FLOAT)\b/.test(type));
  for (const { name, type } of widened) {
    const files = filesWithOtherType(shapes, { name, type });
    if (files.length === 0) continue;
    const column = identifier(name);
    const described = await describeColumns(connection, readerSql(files));
    const own = described.find((each) => each.name.toLowerCase() === name.toLowerCase())!;
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
function filesWithOtherType(shapes: readonly Shape[], { name, type }: Column): string[] {
  return shapes
    .filter(({ types }) => {
      const own = types.get(name.toLowerCase()) ?? type;
      return own !== type && !(FRACTION.test(own) && FRACTION.test(type));
    })
    .flatMap(({ files }) => files);
}

const FRACTION = /^(DOUBLE|FLOAT)$/;
