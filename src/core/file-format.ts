/** Formats of files of rows, from their extensions. */
import { Refusal } from './refusal';

export type FileFormat = 'csv' | 'json' | 'parquet';

const FORMATS: ReadonlyMap<string, FileFormat> = new Map([
  ['csv', 'csv'],
  ['tsv', 'csv'],
  ['txt', 'csv'],
  ['json', 'json'],
  ['jsonl', 'json'],
  ['ndjson', 'json'],
  ['parquet', 'parquet'],
]);

/** How other files can be read: by a query, with an extension of DuckDB. */
const QUERIES: ReadonlyMap<string, (path: string) => string> = new Map([
  ['xlsx', (path) => `SELECT * FROM read_xlsx('${path}') (extension excel)`],
  ['sqlite', (path) => `SELECT * FROM sqlite_scan('${path}', 'table') (extension sqlite)`],
  ['db', (path) => `SELECT * FROM sqlite_scan('${path}', 'table') (extension sqlite)`],
  ['avro', (path) => `SELECT * FROM read_avro('${path}') (extension avro)`],
  ['feather', (path) => `SELECT * FROM read_arrow('${path}') (extension nanoarrow)`],
  ['arrow', (path) => `SELECT * FROM read_arrow('${path}') (extension nanoarrow)`],
]);

/** Whether a path has the extension of a file of data, supported or not. */
export function isDataFile(path: string): boolean {
  const ending = endingOf(path);
  return FORMATS.has(ending) || QUERIES.has(ending);
}

/** The format of a file, from its extension. Throws a `Refusal` for others. */
export function formatOf(path: string): FileFormat {
  const ending = endingOf(path);
  const format = FORMATS.get(ending);
  if (format !== undefined) return format;
  const query = QUERIES.get(ending);
  throw new Refusal('InvalidInput', [
    `The file "${path}" has an unsupported extension: use .csv, .tsv, .txt, .parquet, .json, .jsonl or .ndjson (also with .gz or .zst)` +
      (query === undefined ? '.' : `, or a query, where DuckDB can load the extension: ${query(path)}.`),
  ]);
}

/** `a/b.CSV.gz` → `csv` */
function endingOf(path: string): string {
  return /\.([^./]+)$/.exec(path.replace(/\.(gz|zst)$/i, ''))?.[1]?.toLowerCase() ?? '';
}
