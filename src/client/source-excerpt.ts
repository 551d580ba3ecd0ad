/** The lines around a place of a stack, as the code was when a run called it. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { StackPlace } from '../core/stack-place';
import { bundleSources } from '../runners/bundle-sources';
import type { BundleSources, SourceLines } from '../runners/language';

const DEFAULT_LINES = 4;
const MAX_LINES = 1_000;
const MAX_LINE_LENGTH = 300;
/** A larger file is not the one that was bundled. */
const MAX_FILE_BYTES = 50_000_000;

export interface SourceOptions {
  /** Number of lines before and after the place, 0 to 1,000. Default: 4. */
  lines?: number;
}

/** Lines of the user's own code. */
export interface SourceExcerpt {
  /** As stacks show it: an absolute path, or the name of a notebook's cell. */
  file: string;
  /** Number of the first of `lines`, from 1. */
  from: number;
  /** Without line ends; what is longer than 300 characters is cut, and ends in `…`. */
  lines: string[];
  /** Number of the line that was asked for. */
  line: number;
  /**
   * Whether the file on disk still has the same text in these lines. Null for notebooks, and for files
   * outside the project's folder, which are not read.
   */
  isCurrent: boolean | null;
}

/** Reads excerpts of the bundles of a project; the latest bundle is kept. */
export class SourceReader {
  #latest: { digest: string; sources: BundleSources } | null = null;

  constructor(private readonly projectDir: string) {}

  async read(digest: string, place: StackPlace, options: SourceOptions): Promise<SourceExcerpt | null> {
    const { lines: around = DEFAULT_LINES } = options;
    if (!Number.isInteger(around) || around < 0 || around > MAX_LINES)
      throw new RangeError(`"lines" is ${around}; it takes a whole number from 0 to ${MAX_LINES}.`);
    const sources = await this.#sourcesOf(digest);
    if (sources === null) return null;
    for (const file of new Set([place.file, resolve(this.projectDir, place.file)])) {
      const at = { file, line: place.line };
      const found = sources.find(at);
      if (found !== null) return this.#excerpt(at, found, around, sources);
    }
    return null;
  }

  async #sourcesOf(digest: string): Promise<BundleSources | null> {
    if (this.#latest?.digest === digest) return this.#latest.sources;
    const sources = await bundleSources(join(this.projectDir, '.partwise', 'functions'), digest);
    if (sources !== null) this.#latest = { digest, sources };
    return sources;
  }

  async #excerpt(
    { file, line }: StackPlace,
    source: SourceLines,
    around: number,
    sources: BundleSources,
  ): Promise<SourceExcerpt | null> {
    const from = Math.max(source.from, line - around);
    const lines = linesFrom(source, from, line + around);
    if (line < from || line >= from + lines.length) return null;
    const now = await this.#onDisk(file);
    const current =
      now === null
        ? null
        : linesFrom({ from: 1, lines: sources.linesOf(now) ?? [] }, from, from + lines.length - 1);
    const isCurrent = current === null ? null : isDeepStrictEqual(current, lines);
    return { file, from, lines: lines.map(cut), line, isCurrent };
  }

  /** What the file contains now: nothing if there is none. Null if it is outside the project's folder. */
  async #onDisk(file: string): Promise<Uint8Array | null> {
    if (!isAbsolute(file) || !isInside(this.projectDir, file)) return null;
    try {
      // A link to a file elsewhere is not followed.
      if (!isInside(await realpath(this.projectDir), await realpath(file))) return null;
      const found = await stat(file);
      return found.isFile() && found.size <= MAX_FILE_BYTES ? await readFile(file) : new Uint8Array();
    } catch {
      return new Uint8Array();
    }
  }
}

function isInside(folder: string, file: string): boolean {
  const path = relative(folder, file);
  return path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}

/** The lines with numbers `from` to `to`, as far as they exist. An empty last line is not a line. */
function linesFrom(source: SourceLines, from: number, to: number): string[] {
  const { lines } = source;
  const count = lines.at(-1) === '' ? lines.length - 1 : lines.length;
  return lines.slice(0, count).slice(from - source.from, to - source.from + 1);
}

function cut(line: string): string {
  if (line.length <= MAX_LINE_LENGTH) return line;
  // Not within a character.
  return `${line.slice(0, MAX_LINE_LENGTH - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
