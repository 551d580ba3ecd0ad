/** Failures as lines: what failed, why, and where in the user's code. */
import { relative } from 'node:path';
import type { ErrorInfo } from '../core/outcome';
import { partitionName } from '../core/partition-name';
import { userPlace } from '../core/stack-place';
import type { Paint } from './paint';
import { clean, widthOf, wrapped } from './text';

const INDENT = '    ';
/** Commands change the working directory while they call functions. */
export const SHELL_FOLDER = process.cwd();

/**
 * `✗ San Marcos  ExpectationFailed: 46 of 187 months … (functions.ts:31)`, on as many lines as it takes; the
 * place is on its own line if it does not fit.
 */
export function failureLine(
  { id, error }: { id: string; error: ErrorInfo | null },
  width: number,
  paint: Paint,
): string {
  const reason = error === null ? 'unknown reason' : `${error.type}: ${error.message}`;
  return causeLine(clean(partitionName(id)), reason, error?.stack ?? null, width, paint);
}

/** `✗ WHAT  CAUSE (PLACE)` */
export function causeLine(
  what: string,
  cause: string,
  stack: string | null,
  width: number,
  paint: Paint,
): string {
  const text = wrapped(`${what}  ${clean(cause)}`, width, '✗ ', INDENT);
  const head = `✗ ${what}`;
  const line = text.startsWith(head)
    ? `${paint.red('✗')} ${paint.bold(what)}${text.slice(head.length)}`
    : text.replace('✗', paint.red('✗'));
  const place = placeOf(stack);
  if (place === null) return line;
  const last = text.slice(text.lastIndexOf('\n') + 1);
  const fits = widthOf(last) + widthOf(place) + 3 <= width;
  return `${line}${fits ? ' ' : `\n${INDENT}`}${paint.dim(fits ? `(${clean(place)})` : `at ${clean(place)}`)}`;
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
