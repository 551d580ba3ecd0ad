/**
 * The dialect of CSV files whose text leaves no doubt about it. DuckDB tries 72 combinations of delimiter,
 * quote, escape and comment on every file that it opens, which takes most of the time of reading a small one.
 */
import { isUtf8 } from 'node:buffer';
import { formatOf } from '../core/file-format';
import { contentOf, eachFile, stateOf } from '../files/small-files';
import { readRange } from '../files/read-range';
import { foldersWithValues } from './folder-values';

export interface CsvDialect {
  /** Null: only DuckDB can find it, and only the quotes are beyond doubt (see `isQuotedPlainly`). */
  delimiter: string | null;
  /** Whether some field is quoted (`"`). */
  isQuoted: boolean;
  /**
   * The names in the first line, if nothing needs to be detected to read the file with given types. Null:
   * DuckDB may take the line for values, change names, add columns from folders, or find another way to read
   * dates.
   */
  header: readonly string[] | null;
}

/** For larger files, trying all combinations takes little of the time of reading them. */
export const MAX_DIALECT_BYTES = 1024 * 1024;
/** The order in which DuckDB tries them. */
const DELIMITERS = [',', '|', ';', '\t'];
/** Escapes, comments, and what DuckDB may refuse. */
const DOUBTFUL = ['\\', '#', '\0', '\uFEFF'];
/** A single quote that is no apostrophe within a word, such as that of `it's`, may enclose a field. */
const SINGLE_QUOTE = /(?<![\p{L}\p{N}])'|'(?![\p{L}\p{N}])/u;
const [NEWLINE, RETURN, QUOTE] = [0x0a, 0x0d, 0x22];
const NAME = /^[\p{L}_]([\p{L}\p{N}_ .()%/-]*[\p{L}\p{N}_)%])?$/u;
/** Values such as `01-02-03` and `1/2/2024`, of which DuckDB detects what comes first. */
const DAY_FIRST = /(^|\D)\d{1,2}([^\d:,|;\t\r\n])\d{1,2}\2\d/;
/** Names that DuckDB can also read as a BOOLEAN, DOUBLE or TIMESTAMP. */
const VALUE = /^(t|f|true|false|y|n|yes|no|on|off|nan|inf|infinity|epoch|null)$/i;

/**
 * The dialect that DuckDB finds in the file, or null if only DuckDB can find it. There is no doubt if one
 * delimiter occurs, every line has the same number of fields, and quotes enclose whole fields.
 */
export function dialectOf(path: string, content: Buffer): CsvDialect | null {
  if (formatOf(path) !== 'csv' || content.length > MAX_DIALECT_BYTES) return null;
  return wholeDialect(path, content) ?? (isQuotedPlainly(content) ? QUOTED : null);
}

const QUOTED: CsvDialect = { delimiter: null, isQuoted: true, header: null };
/** A quoted field, with what comes before it. */
const QUOTED_FIELD = /(^|[,;|\t\n])"(?:[^"]|"")*"(?=[,;|\t\r\n]|$)/g;
const SINGLY_QUOTED_FIELD = /(^|[,;|\t\n]) *'/;

/**
 * Whether fields are enclosed in `"`, and none in `'`, and there are apostrophes. DuckDB would take an
 * apostrophe for the escape, and drop it from values such as `"5'10"`, if that makes numbers of a column.
 */
function isQuotedPlainly(content: Buffer): boolean {
  if (!content.includes(QUOTE) || !content.includes("'") || content.includes('\\')) return false;
  const unquoted = content.toString('latin1').replace(QUOTED_FIELD, '$1');
  return !unquoted.includes('"') && !SINGLY_QUOTED_FIELD.test(unquoted);
}

function wholeDialect(path: string, content: Buffer): CsvDialect | null {
  if (content.length === 0 || !isUtf8(content)) return null;
  if (DOUBTFUL.some((text) => content.includes(text)) || mayQuoteSingly(content)) return null;
  const [delimiter = ',', ...others] = DELIMITERS.filter((each) => content.includes(each));
  if (others.length > 0 || !hasEqualLines(content, delimiter.charCodeAt(0))) return null;
  const header = foldersWithValues(path).length > 0 ? null : headerOf(content.toString(), delimiter);
  return { delimiter, isQuoted: content.includes(QUOTE), header };
}

/** In files with quoted fields, DuckDB may also take an apostrophe for an escape. */
function mayQuoteSingly(content: Buffer): boolean {
  return content.includes("'") && (content.includes(QUOTE) || SINGLE_QUOTE.test(content.toString()));
}

function headerOf(text: string, delimiter: string): string[] | null {
  if (DAY_FIRST.test(text)) return null;
  const [line] = /^[^\r\n]*/.exec(text)!;
  const names = line.split(delimiter).map((name) => name.replace(/^"(.*)"$/, '$1'));
  const distinct = new Set(names.map((name) => name.toLowerCase()));
  const isCertain = names.every((name) => NAME.test(name) && !VALUE.test(name));
  return isCertain && distinct.size === names.length ? names : null;
}

/** Whether every line has the same number of fields and the same end; the last one may have none. */
function hasEqualLines(content: Buffer, delimiter: number): boolean {
  const hasReturns = content.includes(RETURN);
  let fields = 0;
  let expected = 0;
  for (let at = 0; at < content.length;) {
    const end = endOfField(content, at, delimiter);
    if (end === -1) return false;
    const isBlank = fields === 0 && end === at && content[end] !== delimiter;
    fields++;
    at = end + 1;
    if (end < content.length && content[end] === delimiter && at < content.length) continue;
    // A delimiter that ends the file is followed by another, empty field.
    if (content[end] === delimiter) fields++;
    if (content[end] === RETURN && content[at++] !== NEWLINE) return false;
    if (content[end] === NEWLINE && hasReturns) return false;
    if (isBlank || (expected > 0 && fields !== expected)) return false;
    expected = fields;
    fields = 0;
  }
  return true;
}

/** Where the field that begins at `from` ends, or -1 if it has quotes that do not enclose all of it. */
function endOfField(content: Buffer, from: number, delimiter: number): number {
  let at = from;
  if (content[at] === QUOTE) {
    for (at++; content[at] !== QUOTE || content[at + 1] === QUOTE; at += content[at] === QUOTE ? 2 : 1)
      if (at >= content.length) return -1;
    at++;
    return at === content.length || isEnd(content[at]!, delimiter) ? at : -1;
  }
  while (at < content.length && !isEnd(content[at]!, delimiter)) if (content[at++] === QUOTE) return -1;
  return at;
}

function isEnd(byte: number, delimiter: number): boolean {
  return byte === delimiter || byte === NEWLINE || byte === RETURN;
}

/** The dialect of all the files, or null if they do not have one without doubt. */
export async function commonDialect(paths: readonly string[]): Promise<CsvDialect | null> {
  if (formatOf(paths[0]!) !== 'csv') return null;
  let common: CsvDialect | null = null;
  let isSame = true;
  await eachFile(paths, async (path) => {
    if (!isSame) return;
    const state = stateOf(path);
    const own =
      state.bytes > MAX_DIALECT_BYTES
        ? await dialectOfStart(path)
        : dialectOf(path, await contentOf(path, state));
    const both = own === null || common === null ? own : inCommon(common, own);
    if (both === null) isSame = false;
    common = both;
  });
  return isSame ? common : null;
}

/** That of the first lines of a large file. DuckDB, too, decides by them. */
async function dialectOfStart(path: string): Promise<CsvDialect | null> {
  const start = Buffer.from(await readRange(path, { offset: 0, bytes: MAX_DIALECT_BYTES }));
  return isQuotedPlainly(start.subarray(0, start.lastIndexOf('\n') + 1)) ? QUOTED : null;
}

function inCommon(one: CsvDialect, other: CsvDialect): CsvDialect | null {
  if (one.delimiter === null || other.delimiter === null) return QUOTED;
  if (one.delimiter !== other.delimiter) return null;
  const isSame = String(one.header) === String(other.header);
  return { ...one, isQuoted: one.isQuoted || other.isQuoted, header: isSame ? one.header : null };
}
