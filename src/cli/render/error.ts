/** A function's error in full: its message and the stack frames in the user's code. */
import { relative, sep } from 'node:path';
import type { ErrorInfo } from '../..';
import { userPlace } from '../../core/stack-place';
import type { Paint } from './paint';
import { cleanLines } from './text';

const INDENT = '    ';
/** Commands change the working directory while they call functions. */
const SHELL_FOLDER = process.cwd();

/**
 * `    ExpectationFailed: …`, then frames such as `    at Object.run (functions.ts:20:13)`; paths below `cwd`
 * are relative.
 */
export function renderError({ type, message, stack }: ErrorInfo, paint: Paint, cwd = SHELL_FOLDER): string {
  const lines = cleanLines(`${type}: ${message}`).split('\n');
  return [
    ...lines.map((line) => INDENT + paint.red(line)),
    ...framesOf(stack, cwd).map((frame) => INDENT + paint.dim(frame)),
  ].join('\n');
}

/** The frames of a stack, without the error message above them. */
export function framesOf(stack: string | null, cwd = SHELL_FOLDER): string[] {
  return (stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => cleanLines(line.trim().replaceAll(cwd + sep, '')));
}

/**
 * The first frame of a stack that is in the user's own code, such as `functions.ts:31`; paths below `cwd` are
 * relative. Null if there is none.
 */
export function placeOf(stack: string | null, cwd = SHELL_FOLDER): string | null {
  const place = userPlace(stack);
  if (place === null) return null;
  const near = relative(cwd, place.file);
  return `${near === '' || near.startsWith('..') ? place.file : near}:${place.line}`;
}
