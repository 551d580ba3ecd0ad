/** Where an error came from, as editors and people name it. */
import { relative } from 'node:path';
import { userPlace } from '../../core/stack-place';

/** `functions.ts:31` of a stack: the first line that is the user's own; paths below `cwd` are relative. Null when there is none. */
export function placeOf(stack: string | null, cwd = process.cwd()): string | null {
  const place = userPlace(stack);
  if (place === null) return null;
  const near = relative(cwd, place.file);
  return `${near === '' || near.startsWith('..') ? place.file : near}:${place.line}`;
}
