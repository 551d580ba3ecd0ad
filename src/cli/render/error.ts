/** A function's error in full: its message and the stack frames in the user's code. */
import { sep } from 'node:path';
import type { ErrorInfo } from '../..';
import { SHELL_FOLDER } from '../../display/failure-line';
import type { Paint } from '../../display/paint';
import { cleanLines } from '../../display/text';

const INDENT = '    ';

/**
 * `    ExpectationFailed: …`, then frames such as `    at Object.run (functions.ts:20:13)` or
 * `    File "functions.py", line 20, in totals`; paths below `cwd` are relative.
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
    .filter((line) => /^\s+(at |File ")/.test(line))
    .map((line) => cleanLines(line.trim().replaceAll(cwd + sep, '')));
}
