/** Lines in the bytes of a segment: found from either end and counted, without parsing them. Pure. */

const NEWLINE = 0x0a;
/** Counts that are kept; a count is cheap to repeat. */
const MAX_COUNTS = 20_000;

/** A line without its line feed. */
export interface RawLine {
  offset: number;
  bytes: Buffer;
}

/** Lines that begin at `from` or later and before `to`, in their order. */
export function* linesForward(content: Buffer, from: number, to: number): Generator<RawLine> {
  for (let offset = 0; offset < content.length && offset < to;) {
    const found = content.indexOf(NEWLINE, offset);
    const end = found < 0 ? content.length : found;
    if (offset >= from && end > offset) yield { offset, bytes: content.subarray(offset, end) };
    offset = end + 1;
  }
}

/** The same lines, last first. */
export function* linesBackward(content: Buffer, from: number, to: number): Generator<RawLine> {
  for (let end = content.length; end > Math.max(0, from);) {
    const offset = content.lastIndexOf(NEWLINE, end - 1) + 1;
    if (offset < to && offset >= from && end > offset) yield { offset, bytes: content.subarray(offset, end) };
    end = offset - 1;
  }
}

/** `alone`: all lines are of this partition. */
export interface LinesOf {
  ordinal: number;
  alone: boolean;
}

/** Number of a partition's lines in whole lines. */
export function countLines(content: Buffer, { ordinal, alone }: LinesOf): number {
  if (alone) return occurrences(content, '\n');
  // A quotation mark in a logged text is escaped, so this is never part of one.
  return occurrences(content, `"ordinal":${ordinal},`) + occurrences(content, `"ordinal":${ordinal}}`);
}

/** Whether a line may be of the partition, to save parsing the others. */
export function mayBeOf({ ordinal, alone }: LinesOf, line: string): boolean {
  return alone || line.includes(`"ordinal":${ordinal},`) || line.includes(`"ordinal":${ordinal}}`);
}

function occurrences(content: Buffer, text: string): number {
  let n = 0;
  for (let at = content.indexOf(text); at >= 0; at = content.indexOf(text, at + text.length)) n++;
  return n;
}

/** Numbers of lines in whole segments, by path and partition. */
export class LineCounts {
  readonly #counts = new Map<string, number>();

  get(path: string, { ordinal, alone }: LinesOf): number | undefined {
    return this.#counts.get(alone ? path : `${path} ${ordinal}`);
  }

  add(path: string, lines: LinesOf, content: Buffer): number {
    const { ordinal, alone } = lines;
    const n = countLines(content, lines);
    if (this.#counts.size >= MAX_COUNTS) this.#counts.clear();
    this.#counts.set(alone ? path : `${path} ${ordinal}`, n);
    return n;
  }
}
