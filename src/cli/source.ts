/** `--from SOURCE` as the input's `source`: a query, files, or a table. */
import { statSync } from 'node:fs';
import { basename, dirname, isAbsolute, relative, resolve } from 'node:path';
import type { Source } from '..';

const QUERY = /^query:/i;
const DATA_FILE = /\.(csv|tsv|txt|parquet|json|jsonl|ndjson)(\.(gz|zst))?$/i;
const GLOB = /[*?[\]{}]/;

export interface SourceFlags {
  from: string;
  pattern?: string;
  /** Whether there is a partition key: without one each file is a partition. */
  hasKey: boolean;
}

/** Paths come out relative to the project's folder, which is what workers resolve them against. */
export function parseSource({ from, pattern, hasKey }: SourceFlags, projectDir: string, cwd: string): Source {
  if (QUERY.test(from)) return { query: from.replace(QUERY, '').trim() };
  if (pattern === undefined && !isPath(from, cwd)) return { table: from };
  const files = toProjectPath(from, projectDir, cwd);
  if (hasKey || pattern !== undefined) return pattern === undefined ? { files } : { files, pattern };
  return GLOB.test(files) ? splitGlob(files) : { files };
}

/** A path typed here, as the project sees it; absolute ones stay. */
export function toProjectPath(path: string, projectDir: string, cwd: string): string {
  if (isAbsolute(path) || resolve(cwd) === resolve(projectDir)) return path;
  return relative(projectDir, resolve(cwd, path)) || '.';
}

function isPath(text: string, cwd: string): boolean {
  if (DATA_FILE.test(text) || GLOB.test(text) || /^\.{0,2}\//.test(text) || text.endsWith('/')) return true;
  const found = statSync(resolve(cwd, text), { throwIfNoEntry: false });
  // A folder that happens to be named like a table is meant only with a slash.
  return found !== undefined && (found.isFile() || text.includes('/'));
}

/** Each file a partition: `data/2024/*.csv` is the pattern `*.csv` below `data/2024`. */
function splitGlob(path: string): Source {
  let folder = path;
  const pattern: string[] = [];
  while (GLOB.test(folder)) {
    pattern.unshift(basename(folder));
    folder = dirname(folder);
  }
  return { files: folder, pattern: pattern.join('/') };
}
