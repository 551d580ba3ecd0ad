/** How DuckDB reads files of rows. */
import { formatOf } from '../core/file-format';
import type { Column } from '../core/plan';
import type { CsvDialect } from './csv-dialect';
import { foldersWithValues } from './folder-values';
import { literal } from './quote';

export interface ReaderOptions {
  /**
   * Types to read the columns with: all columns, for JSON; columns that the files have, for CSV. Default:
   * what DuckDB detects. Parquet files have types of their own.
   */
  columns?: readonly Column[];
  /** Adds a column of this name with the path of each row's file. */
  pathColumn?: string;
  /** Of CSV. Default: what DuckDB detects, for each file. */
  dialect?: CsvDialect | null;
  /** Leaves out rows of CSV that cannot be read. */
  skipErrors?: boolean;
}

/**
 * The call of DuckDB's reader for files, which must be of one format. Their paths are taken literally.
 * Columns are matched by name, and missing ones are NULL.
 *
 * @param paths at least one
 */
export function readerSql(
  paths: readonly string[],
  { columns, pathColumn, dialect = null, skipErrors = false }: ReaderOptions = {},
): string {
  const format = formatOf(paths[0]!);
  const known = dialect === null || columns === undefined ? null : knownColumns(dialect, columns);
  const options = known === null ? ['union_by_name = true'] : ['auto_detect = false', 'header = true'];
  if (known !== null) options.push(`columns = ${struct(known)}`);
  else if (format !== 'parquet') {
    // Types are detected from the whole file: a column that turns to text at row 30,000 must not fail
    // half-way.
    options.push('sample_size = -1');
  }
  const folderColumns = new Set(foldersWithValues(paths[0]!));
  const typed = columns?.filter(({ name }) => !folderColumns.has(name)) ?? [];
  const ofFolders = columns?.filter(({ name }) => folderColumns.has(name)) ?? [];
  if (ofFolders.length > 0) options.push(`hive_types = ${struct(ofFolders)}`);
  if (format === 'csv' && known === null && typed.length > 0) options.push(`types = ${struct(typed)}`);
  if (format === 'json') {
    if (typed.length > 0) options.push(`columns = ${struct(typed)}`);
    // Without thresholds that turn records with many or rare fields into one column of JSON.
    else options.push('map_inference_threshold = -1', 'field_appearance_threshold = 0');
  }
  if (dialect !== null) options.push(...dialectOptions(dialect, known !== null));
  if (skipErrors) options.push('ignore_errors = true');
  if (pathColumn !== undefined) options.push(`filename = ${literal(pathColumn)}`);
  return `read_${format}(${pathList(paths)}, ${options.join(', ')})`;
}

/** Types that the reader makes of text in the same way whether it detects anything or not. */
const PLAIN =
  /^(VARCHAR|BOOLEAN|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(\d+,\d+\)|DATE|TIMESTAMP)$/;

/**
 * The columns in the order of the files' header, if nothing is left to detect. Detecting takes most of the
 * time of reading a small file.
 */
function knownColumns({ header }: CsvDialect, columns: readonly Column[]): Column[] | null {
  if (header?.length !== columns.length) return null;
  const found = header.flatMap((name) => columns.find((column) => column.name === name) ?? []);
  return found.length === header.length && found.every(({ type }) => PLAIN.test(type)) ? found : null;
}

/** How quotes are escaped is detected, if there are any, unless nothing is. */
function dialectOptions({ delimiter, isQuoted }: CsvDialect, isKnown: boolean): string[] {
  if (delimiter === null) return [`quote = '"'`, `escape = '"'`];
  const options = [`delim = ${literal(delimiter)}`, `quote = '"'`, `comment = ''`];
  return isQuoted && !isKnown ? options : [...options, `escape = '"'`];
}

function struct(columns: readonly Column[]): string {
  return `{${columns.map(({ name, type }) => `${literal(name)}: ${literal(type)}`).join(', ')}}`;
}

/** The paths as a list for DuckDB's readers, which take patterns. */
export function pathList(paths: readonly string[]): string {
  return `[${paths.map((path) => literal(literally(path))).join(', ')}]`;
}

/** A pattern that matches only this path. */
export function literally(path: string): string {
  return path.replace(/[[*?]/g, '[$&]');
}
