/** `--from SOURCE` as the input's `source`: a query, files, or a table. */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, relative, resolve } from 'node:path';
import type { Source } from '..';
import { isDataFile } from '../core/file-format';
import { isOnStage } from '../core/files-on-stage';

const QUERY = /^query:/i;
const GLOB = /[*?[\]{}]/;

export interface SourceFlags {
  from: string;
  pattern?: string | undefined;
  types?: Record<string, string> | undefined;
  /** Whether there is a partition key; without one, each file is a partition. */
  hasKey: boolean;
}

/** Returned paths are relative to the project folder, which workers resolve them against. */
export function parseSource(
  { from, pattern, types, hasKey }: SourceFlags,
  projectDir: string,
  cwd: string,
): Source {
  // `types` goes along even where it does not belong, so that it is refused there.
  const typed = types === undefined ? {} : { types };
  if (QUERY.test(from)) return { query: from.replace(QUERY, '').trim(), ...typed };
  if (pattern === undefined && !isPath(from, cwd)) return { table: from, ...typed };
  const files = isOnStage(from) ? from : toProjectPath(from, projectDir, cwd);
  const isGlob = GLOB.test(files) && !existsSync(resolve(cwd, from));
  if (hasKey || pattern !== undefined || !isGlob)
    return { files, ...(pattern !== undefined && { pattern }), ...typed };
  return { ...splitGlob(files), ...typed };
}

/** Converts a path from relative to `cwd` to relative to the project folder; absolute paths are unchanged. */
export function toProjectPath(path: string, projectDir: string, cwd: string): string {
  if (isAbsolute(path) || resolve(cwd) === resolve(projectDir)) return path;
  return relative(projectDir, resolve(cwd, path)) || '.';
}

function isPath(text: string, cwd: string): boolean {
  if (isDataFile(text) || isOnStage(text) || GLOB.test(text) || /^\.{0,2}\//.test(text) || text.endsWith('/'))
    return true;
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
