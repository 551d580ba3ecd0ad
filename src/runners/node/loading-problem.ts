/** Explains why a functions file cannot be loaded, with the user's file and line. */
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, resolve } from 'node:path';
import { type StackPlace, userPlace } from '../../core/stack-place';
import type { ErrorInfo } from '../../core/outcome';
import { sourceMapOf } from './source-map';

export function loadingProblem({ type, message, stack }: ErrorInfo, bundle: string): string {
  if (type === 'FunctionsFileError') return message;
  const missing = /^Cannot find package '([^']+)' imported from /.exec(message)?.[1];
  if (missing !== undefined) {
    return `The functions file imports "${missing}", which is not installed: run npm install ${missing}, or fix the import${at(importOf(bundle, missing))}.`;
  }
  return `The functions file threw while loading: ${type}: ${message}${at(userPlace(stack))}`;
}

function at(place: StackPlace | null): string {
  return place === null ? '' : ` (${place.file}:${place.line})`;
}

/** Finds the user's import of a package, with the bundle's source map. */
function importOf(bundle: string, name: string): StackPlace | null {
  try {
    const text = readFileSync(bundle, 'utf8');
    const map = new SourceMap(sourceMapOf(text));
    const lines = text.split('\n');
    const line = lines.findIndex(
      (each) => /^import\b/.test(each) && (each.includes(`"${name}"`) || each.includes(`"${name}/`)),
    );
    const entry = map.findEntry(line, 0);
    if (line === -1 || !('originalSource' in entry)) return null;
    return { file: resolve(dirname(bundle), entry.originalSource), line: entry.originalLine + 1 };
  } catch {
    return null;
  }
}
