/** Finds the guards: statements below a comment `enforces In`, in TypeScript and Python. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const MARKER = /(?:\/\/|\/\*\*|^\s*\*|#)\s*enforces (I\d+(?:, I\d+)*)/;

/**
 * @typedef {object} Guard
 * @property {string} file path from the root, such as `src/stage/stage.ts`
 * @property {number} line of the marker, from 1
 * @property {string[]} invariants such as `['I4']`
 * @property {number} after offset in bytes of the first thing below the comment
 */

/** @returns {Guard[]} */
export function findGuards(root) {
  return [
    ['src', '.ts'],
    ['python/partwise', '.py'],
  ].flatMap(([folder, ending]) =>
    readdirSync(join(root, folder), { recursive: true })
      .filter((name) => name.endsWith(ending))
      .sort()
      .flatMap((name) => guardsOf(root, join(folder, name))),
  );
}

function guardsOf(root, file) {
  const lines = readFileSync(join(root, file), 'utf8').split('\n');
  return lines.flatMap((text, i) => {
    const found = MARKER.exec(text);
    if (found === null) return [];
    let below = i;
    // Comments and decoration end where code begins.
    while (/^\s*(\/\/|\/\*|\*|#|$)/.test(lines[below])) below++;
    const before = lines.slice(0, below).join('\n') + '\n' + /^\s*/.exec(lines[below])[0];
    return [{ file, line: i + 1, invariants: found[1].split(', '), after: Buffer.byteLength(before) }];
  });
}
