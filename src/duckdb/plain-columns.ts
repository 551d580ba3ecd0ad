/** Columns of CSV files whose text leaves no doubt about their types, so that DuckDB need not guess them. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../core/plan';
import { loadTexts, type TextFiles } from './file-texts';
import { identifier } from './quote';

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
  // With the count, it is one row even if nothing is asked about the texts.
  const askAll = async (questions: readonly string[]): Promise<unknown[]> =>
    (await connection.runAndReadAll(`SELECT ${questions.join(', ')}, count(*) FROM ${texts}`)).getRows()[0]!;
  const likely = await askAll(names.map(({ name }) => likelyTypeSql(`max(${identifier(name)})`)));
  const types = await askAll(names.map(({ name }, i) => typeSql(identifier(name), likely[i])));
  const columns = names.map(({ name }, i) => ({ name, type: types[i] as string | null }));
  const isCertain = (column: { type: string | null }): column is Column => column.type !== null;
  return { columns: columns.every(isCertain) ? columns : null, texts };
}

const NUMBER = '-?(0|[1-9][0-9]{0,17})([.][0-9]{1,17})?';
/** Types that DuckDB may find in words, such as `true`, `nan` and `epoch`. */
const WORDS = ['BOOLEAN', 'DOUBLE', 'DATE', 'TIME', 'TIMESTAMP', 'TIMESTAMPTZ'];
const LENGTHS = { DATE: '2026-01-02'.length, TIMESTAMP: '2026-01-02 10:00:00'.length };

/** SQL for the type that a column may have, from its last text in order: words follow digits. */
function likelyTypeSql(last: string): string {
  const casts = WORDS.map((type) => `TRY_CAST(${last} AS ${type}) IS NULL`).join(' AND ');
  const isWord = `regexp_matches(${last}, '^[^0-9\\s+.-]') AND ${casts}`;
  const lengths = Object.entries(LENGTHS).map(
    ([type, length]) => `WHEN length(${last}) = ${length} THEN '${type}'`,
  );
  // One word makes the column text in all files. So does the lack of any value.
  return (
    `CASE WHEN ${last} IS NULL OR ${isWord} THEN 'VARCHAR' ` +
    `WHEN regexp_full_match(${last}, '${NUMBER}') THEN 'DOUBLE' ${lengths.join(' ')} END`
  );
}

/** SQL for the likely type if it is certain, and NULL otherwise. */
function typeSql(text: string, likely: unknown): string {
  switch (likely) {
    case 'VARCHAR':
      return `'VARCHAR'`;
    case 'DOUBLE': {
      const type = `CASE WHEN bool_or(contains(${text}, '.')) THEN 'DOUBLE' ELSE 'BIGINT' END`;
      return `CASE WHEN bool_and(regexp_full_match(${text}, '${NUMBER}')) THEN ${type} END`;
    }
    case 'DATE':
    case 'TIMESTAMP': {
      const isSame = `TRY_CAST(${text} AS ${likely})::VARCHAR IS NOT DISTINCT FROM ${text}`;
      return `CASE WHEN bool_and(length(${text}) = ${LENGTHS[likely]} AND ${isSame}) THEN '${likely}' END`;
    }
    default:
      return 'NULL::VARCHAR';
  }
}
