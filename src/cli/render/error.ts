/** What a function threw, whole: its words, and the lines of the user's code that led there. */
import { relative, sep } from 'node:path';
import type { ErrorInfo } from '../..';
import { userPlace } from '../../core/stack-place';
import type { Paint } from './paint';
import { cleanLines } from './text';

const INDENT = '    ';

/**
 * `    ExpectationFailed: …`, then frames such as `    at Object.run (functions.ts:20:13)`; paths below `cwd`
 * are relative.
 */
export function renderError({ type, message, stack }: ErrorInfo, paint: Paint, cwd = process.cwd()): string {
  const said = cleanLines(`${type}: ${message}`).split('\n');
  return [
    ...said.map((line) => INDENT + paint.red(line)),
    ...framesOf(stack, cwd).map((frame) => INDENT + paint.dim(frame)),
  ].join('\n');
}

/** The stack's frames without what leads to them. */
export function framesOf(stack: string | null, cwd = process.cwd()): string[] {
  return (stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => cleanLines(line.trim().replaceAll(cwd + sep, '')));
}

/**
 * `functions.ts:31` of a stack: the first line that is the user's own; paths below `cwd` are relative. Null
 * when there is none.
 */
export function placeOf(stack: string | null, cwd = process.cwd()): string | null {
  const place = userPlace(stack);
  if (place === null) return null;
  const near = relative(cwd, place.file);
  return `${near === '' || near.startsWith('..') ? place.file : near}:${place.line}`;
}
