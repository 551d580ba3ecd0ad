/** `data`, the first argument of a partition function. */
import type { PartitionRows } from './partition-rows';
import { sliceColumns, sliceRows } from './slices';
import type { SqlSession } from './sql-session';
import type { PartitionData, Row } from './types';

export function createPartitionData(rows: PartitionRows, sql: SqlSession): PartitionData {
  async function* chunks(): AsyncGenerator<Row[], void, undefined> {
    for await (const { slice, shape } of rows.slices()) yield sliceRows(slice, shape);
  }
  return {
    rowCount: rows.rowCount,
    schema: rows.columns.map(({ name, type }) => ({ name, type })),
    async rows<T>(): Promise<T[]> {
      const all: Row[] = [];
      for await (const chunk of chunks()) for (const row of chunk) all.push(row);
      return all as T[];
    },
    async columns<T>(): Promise<T> {
      const all: Record<string, unknown[]> = Object.fromEntries(rows.columns.map(({ name }) => [name, []]));
      for await (const { slice, shape } of rows.slices()) {
        for (const [i, values] of sliceColumns(slice, shape).entries()) {
          const column = (all[shape.names[i]!] ??= []);
          for (const value of values) column.push(value);
        }
      }
      return all as T;
    },
    [Symbol.asyncIterator]: chunks,
    async sql<T>(strings: TemplateStringsArray, ...values: unknown[]): Promise<T[]> {
      if (!Array.isArray(strings) || !('raw' in strings)) {
        throw new TypeError(
          'data.sql is a template tag: write data.sql`SELECT … FROM data`, without parentheses.',
        );
      }
      return (await sql.query(rows, strings, values)) as T[];
    },
  };
}
