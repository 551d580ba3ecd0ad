/** Columns of CSV files whose text leaves no doubt about their types, so that DuckDB need not guess them. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../core/plan';
import { loadTexts, type TextFiles } from './file-texts';
import { identifier } from './quote';

/** The types that DuckDB finds in values that are all written like this, if they are such values. */
const WRITTEN: readonly [type: string, pattern: string][] = [
  ['BIGINT', '-?(0|[1-9][0-9]{0,17})'],
  ['DOUBLE', '-?(0|[1-9][0-9]{0,17})([.][0-9]{1,17})?'],
  ['DATE', '[0-9]{4}-[0-9]{2}-[0-9]{2}'],
  ['TIMESTAMP', '[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}'],
];
/** Types that DuckDB may find in values that begin with a letter. */
const WORDS = ['BOOLEAN', 'DOUBLE', 'DATE', 'TIME', 'TIMESTAMP', 'TIMESTAMPTZ'];

/**
 * The columns that DuckDB finds in small files whose header is known, or null if only DuckDB can find them;
 * with the table of their texts, for which the files are read.
 */
export async function plainColumns(
  connection: DuckDBConnection,
  { files, dialect }: Pick<TextFiles, 'files' | 'dialect'>,
): Promise<{ columns: Column[] | null; texts: string | null }> {
  if (dialect?.header == null) return { columns: null, texts: null };
  const names = dialect.header.map((name) => ({ name }));
  const texts = await loadTexts(connection, { files, dialect }, names);
  if (texts === null) return { columns: null, texts };
  const types = names.map(({ name }) => typeSql(identifier(name)));
  const found = await connection.runAndReadAll(`SELECT ${types.join(', ')} FROM ${texts}`);
  const columns = found.getRows()[0]!.map((type, i) => ({ ...names[i]!, type: type as string | null }));
  const isCertain = (column: { type: string | null }): column is Column => column.type !== null;
  return { columns: columns.every(isCertain) ? columns : null, texts };
}

/** SQL for the type of a column of text, or NULL if there is doubt. */
function typeSql(text: string): string {
  const isWord = `regexp_matches(${text}, '^[A-Za-z]') AND ${WORDS.map((type) => `TRY_CAST(${text} AS ${type}) IS NULL`).join(' AND ')}`;
  const written = WRITTEN.map(
    ([type, pattern]) =>
      `WHEN bool_and(regexp_full_match(${text}, '${pattern}') AND TRY_CAST(${text} AS ${type}) IS NOT NULL) FILTER (${text} IS NOT NULL) THEN '${type}'`,
  );
  // One file whose values are text makes it the type of all, and values that are missing fit every type.
  return `CASE WHEN count(${text}) = 0 OR bool_or(${isWord}) THEN 'VARCHAR' ${written.join(' ')} END`;
}
