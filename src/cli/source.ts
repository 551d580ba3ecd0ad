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
  /** Whether there is a partition key; without one, each file is a partition. */
  hasKey: boolean;
}

/** Returned paths are relative to the project folder, which workers resolve them against. */
export function parseSource({ from, pattern, hasKey }: SourceFlags, projectDir: string, cwd: string): Source {
  if (QUERY.test(from)) return { query: from.replace(QUERY, '').trim() };
  if (pattern === undefined && !isPath(from, cwd)) return { table: from };
  const files = toProjectPath(from, projectDir, cwd);
  if (hasKey || pattern !== undefined) return pattern === undefined ? { files } : { files, pattern };
  return GLOB.test(files) ? splitGlob(files) : { files };
}

/** Converts a path from relative to `cwd` to relative to the project folder; absolute paths are unchanged. */
export function toProjectPath(path: string, projectDir: string, cwd: string): string {
  if (isAbsolute(path) || resolve(cwd) === resolve(projectDir)) return path;
  return relative(projectDir, resolve(cwd, path)) || '.';
}

function isPath(text: string, cwd: string): boolean {
  if (DATA_FILE.test(text) || GLOB.test(text) || /^\.{0,2}\//.test(text) || text.endsWith('/')) return true;
  const found = statSync(resolve(cwd, text), { throwIfNoEntry: false });
  // A folder counts only if it is written with a slash: a table may have the same name.
  return found !== undefined && (found.isFile() || text.includes('/'));
}

/** For files as partitions: `data/2024/*.csv` is the pattern `*.csv` below `data/2024`. */
function splitGlob(path: string): Source {
  let folder = path;
  const pattern: string[] = [];
  while (GLOB.test(folder)) {
    pattern.unshift(basename(folder));
    folder = dirname(folder);
  }
  return { files: folder, pattern: pattern.join('/') };
}
