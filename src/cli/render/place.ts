/** Where an error came from, as editors and people name it. */
import { relative } from 'node:path';

/** `functions.ts:31` of a stack: the first line that is the user's own; paths below `cwd` are relative. Null when there is none. */
export function placeOf(stack: string | null, cwd = process.cwd()): string | null {
  const frames = (stack ?? '').split('\n').flatMap((line) => {
    const frame = /^\s+at (?:.* \()?(?:async )?(.+?):(\d+):\d+\)?$/.exec(line);
    return frame === null ? [] : [{ file: frame[1]!, line: frame[2]! }];
  });
  const place = frames.find(({ file }) => !/[\\/]node_modules[\\/]/.test(file)) ?? frames[0];
  if (place === undefined) return null;
  const near = relative(cwd, place.file);
  return `${near === '' || near.startsWith('..') ? place.file : near}:${place.line}`;
}
