/** Columns of CSV files with a type that does not hold every text of theirs. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../core/plan';
import { readerSql } from './file-reader';
import type { TextFiles } from './file-texts';
import { identifier } from './quote';

/**
 * Finds them by what DuckDB's reader makes of the text. Of `true` in one file and `1` in another, it makes
 * BIGINT; and what is no TIMESTAMP WITH TIME ZONE, it reads as NULL.
 */
export async function unfitColumns(
  connection: DuckDBConnection,
  { files, dialect, texts }: TextFiles,
  columns: readonly Column[],
): Promise<string[]> {
  const names = columns.filter(({ type }) => type !== 'VARCHAR').map(({ name }) => name);
  if (names.length === 0) return [];
  const counts = ['count(*)', ...names.map((name) => `count(${identifier(name)})`)].join(', ');
  // Rows with a value that the reader cannot convert are left out, and so missing in the counts.
  const countedAs = async (typed: readonly string[]): Promise<string> => {
    const read = columns.map(({ name, type }) => ({ name, type: typed.includes(name) ? type : 'VARCHAR' }));
    const from =
      typed.length === 0 && texts !== null
        ? texts
        : readerSql(files, { columns: read, dialect, skipErrors: true });
    const counted = await connection.runAndReadAll(`SELECT ${counts} FROM ${from}`);
    return counted.getRows()[0]!.join(' ');
  };
  const asText = await countedAs([]);
  if ((await countedAs(names)) === asText) return [];
  const unfit: string[] = [];
  for (const name of names) if ((await countedAs([name])) !== asText) unfit.push(name);
  return unfit;
}
