/** How DuckDB reads files of rows. */
import { Refusal } from '../core/refusal';
import { quoteText } from './database-file';

/** The call of DuckDB's reader for a file or glob, chosen by its extension. */
export function readerSql(path: string): string {
  const reader = readerFor(path);
  if (reader === null) {
    throw new Refusal('InvalidInput', [
      `The file "${path}" has an unsupported extension: use .csv, .tsv, .parquet, .json, .jsonl or .ndjson (also with .gz).`,
    ]);
  }
  return `${reader.name}(${quoteText(path)}${reader.options})`;
}

function readerFor(path: string): { name: string; options: string } | null {
  const ending = /\.([a-z]+)(\.gz|\.zst)?$/i.exec(path)?.[1]?.toLowerCase();
  switch (ending) {
    case 'csv':
    case 'tsv':
    case 'txt':
      // Types are detected from the whole file: a column that turns to text at row 30,000 must not fail
      // half-way.
      return { name: 'read_csv', options: ', sample_size = -1' };
    case 'parquet':
      return { name: 'read_parquet', options: '' };
    case 'json':
    case 'jsonl':
    case 'ndjson':
      return { name: 'read_json', options: ', sample_size = -1' };
    default:
      return null;
  }
}
