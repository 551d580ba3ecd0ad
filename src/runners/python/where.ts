/** Reads where a runner was, as Python's faulthandler writes it. Pure. */
import { join, sep } from 'node:path';
import { PYTHON_FOLDER } from './interpreter';

const START = /\(most recent call first\):\n/g;
const OWN = [join(PYTHON_FOLDER, 'partwise') + sep, '<frozen '];

/** The last stack of the text, in the form and order of Python's traceback, without frames of Partwise. */
export function stackOf(where: string): string | null {
  const start = [...where.matchAll(START)].at(-1);
  if (start === undefined) return null;
  const frames: string[] = [];
  for (const line of where.slice(start.index + start[0].length).split('\n')) {
    const [, file, number, name] = /^ {2}File "(.+)", line (\d+) in (.+)$/.exec(line) ?? [];
    if (file === undefined) break;
    const path = unescaped(file);
    if (!OWN.some((own) => path.startsWith(own)))
      frames.push(`  File "${path}", line ${number}, in ${unescaped(name!)}`);
  }
  if (frames.length === 0) return null;
  return ['Traceback (most recent call last):', ...frames.reverse()].join('\n');
}

/** It writes characters other than ASCII as `\xe9`, `\u6f22` or `\U0001f600`; a function may write others. */
function unescaped(text: string): string {
  return text.replace(
    /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U(00(?:0[0-9a-f]|10)[0-9a-f]{4}))/g,
    (_, ...codes: string[]) =>
      String.fromCodePoint(
        Number.parseInt(
          codes.find((code) => code !== undefined)!,
          16,
        ),
      ),
  );
}
