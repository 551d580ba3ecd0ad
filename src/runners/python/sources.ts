/** The files in an archive of Python code, and the lines of functions that were sent by value. */
import { dirname, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import type { StackPlace } from '../../core/stack-place';
import type { BundleContent, BundleSources, SourceLines } from '../language';
import { filesOf } from './zip';

const MANIFEST = 'partwise.json';
const manifest = z.object({ entry: z.string(), base: z.string() });
const linesByFile = z.record(z.string(), z.record(z.string(), z.string()));

/** Python's source files are in UTF-8, unless one of the first two lines says otherwise (PEP 263). */
const ENCODING = /^(?:[ \t\f]*(?:#.*)?\r?\n)?[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)/;
/** Two lines of comments fit into it. */
const ENCODING_BYTES = 500;

export function sourcesOf({ path, content }: BundleContent): BundleSources {
  const files = filesOf(content);
  const { entry, base } = manifest.parse(JSON.parse(files.get(MANIFEST)!.toString('utf8')));
  files.delete(MANIFEST);
  const folder = resolve(dirname(path), base);
  const sent = linesSentByValue(files.get(entry)!);
  return {
    find(place) {
      const bytes = files.get(relative(folder, place.file).split(sep).join('/'));
      if (bytes === undefined) return sent === null ? null : linesAround(sent.get(place.file), place);
      const lines = linesOf(bytes);
      return lines === null ? null : { from: 1, lines };
    },
    linesOf,
  };
}

function linesOf(content: Uint8Array): string[] | null {
  const start = Buffer.from(content.subarray(0, ENCODING_BYTES)).toString('latin1');
  const [, encoding = 'utf-8'] = ENCODING.exec(start) ?? [];
  try {
    const text = new TextDecoder(labelOf(encoding)).decode(content);
    return text.split(/\r\n|[\n\r]/);
  } catch {
    // An encoding that only Python has.
    return null;
  }
}

/** The name that decoders of the web have for an encoding, most of which they share with Python. */
function labelOf(encoding: string): string {
  const name = encoding.toLowerCase().replaceAll('_', '-');
  return /^(iso-)?latin-1(-|$)/.test(name) ? 'latin1' : name;
}

/** What `_client/by_value.py` writes into its functions files: lines by number, by file. */
function linesSentByValue(file: Buffer): Map<string, Map<number, string>> | null {
  const [, literal] = /^_SOURCES = (\{[^\n]*\})\n/m.exec(file.toString('utf8')) ?? [];
  if (literal === undefined) return null;
  try {
    const found = Object.entries(linesByFile.parse(JSON.parse(literal)));
    return new Map(
      found.map(([name, lines]) => [
        name,
        new Map(Object.entries(lines).map(([number, line]) => [Number(number), line])),
      ]),
    );
  } catch {
    // The user's own variable of that name.
    return null;
  }
}

/** Only functions are sent, so the lines between them are unknown. */
function linesAround(lines: Map<number, string> | undefined, { line }: StackPlace): SourceLines | null {
  if (lines?.has(line) !== true) return null;
  let from = line;
  while (lines.has(from - 1)) from--;
  const found: string[] = [];
  for (let number = from; lines.has(number); number++) found.push(lines.get(number)!);
  return { from, lines: found };
}
