/**
 * Reads as lines what calls wrote directly to descriptors 1 and 2: while they run, when they have ended, and
 * when their process has died.
 */
import { StringDecoder } from 'node:string_decoder';
import type { RunningCall } from './call-record';
import type { Runner } from './runner';
import { type Offsets, type OutputFiles, type OutputStream, STREAMS } from './output-files';

/** Limit for one unit, whose log keeps no more. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Characters of a log line. */
export const MAX_LINE = 16_384;
/** Lines per call of a function; a loop that logs must not fill the stage. */
const MAX_LINES = 10_000;

/** Reading is synchronous, so one buffer is enough. */
const CHUNK = Buffer.allocUnsafe(64 * 1024);

/** Number of a call, or null outside any call. */
type Call = number | null;
type OnLine = (call: Call, stream: OutputStream, text: string) => void;

export class OutputReader {
  readonly #streams: [StreamReader, StreamReader];

  constructor(files: OutputFiles, onLine: OnLine) {
    const budget = { left: MAX_BYTES, isReported: false };
    const reader = (stream: 0 | 1): StreamReader =>
      new StreamReader(
        (from, into) => files.read(stream, from, into),
        (call, text) => onLine(call, STREAMS[stream], text),
        budget,
      );
    this.#streams = [reader(0), reader(1)];
  }

  /** Reads what the running call has written so far. */
  running(calls: Runner['calls'], files: OutputFiles): void {
    const before = calls.read().running;
    if (before === null) return;
    const sizes = files.sizes;
    // Otherwise the output may be that of the next call.
    if (calls.read().running?.number === before.number) this.#take(before.number, before.output, sizes);
  }

  /** Reads the output of a call that has ended. */
  ended(call: Call, from: Offsets, to: Offsets): void {
    this.#take(call, from, to);
    for (const stream of this.#streams) stream.end(call);
  }

  /** Reads the output of the call in which the process died, if any. */
  died(call: RunningCall | null, files: OutputFiles): void {
    if (call !== null) this.ended(call.number, call.output, files.sizes);
  }

  #take(call: Call, from: Offsets, to: Offsets): void {
    for (const stream of [0, 1] as const) this.#streams[stream].take(call, from[stream], to[stream]);
  }
}

class StreamReader {
  /**
   * Calls that have not ended. There may be several: a call's output is read before it is known where the
   * output of the previous calls ended.
   */
  readonly #open = new Map<Call, OpenCall>();

  constructor(
    private readonly read: (from: number, into: Buffer) => number,
    private readonly onLine: (call: Call, text: string) => void,
    private readonly budget: { left: number; isReported: boolean },
  ) {}

  take(call: Call, from: number, to: number): void {
    if (to <= from) return;
    const open = this.#open.get(call) ?? {
      position: from,
      decoder: new StringDecoder('utf8'),
      rest: '',
      lines: 0,
    };
    this.#open.set(call, open);
    while (open.position < to && this.budget.left > 0) {
      const into = CHUNK.subarray(0, Math.min(CHUNK.length, to - open.position));
      const length = this.read(open.position, into);
      if (length === 0) break;
      open.position += length;
      this.budget.left -= length;
      this.#add(call, open, open.decoder.write(into.subarray(0, length)));
    }
    if (open.position < to && !this.budget.isReported) {
      this.budget.isReported = true;
      this.onLine(
        call,
        `(Output after this line was dropped: a unit's log is limited to ${MAX_BYTES / 2 ** 20} MiB.)`,
      );
    }
  }

  end(call: Call): void {
    const open = this.#open.get(call);
    if (open === undefined) return;
    const rest = open.rest + open.decoder.end();
    if (rest !== '') this.#emit(call, open, rest);
    this.#open.delete(call);
  }

  #add(call: Call, open: OpenCall, text: string): void {
    const lines = (open.rest + text).split('\n');
    open.rest = visible(lines.pop()!);
    for (const line of lines) this.#emit(call, open, visible(line));
    while (open.rest.length > MAX_LINE) {
      this.#emit(call, open, open.rest.slice(0, MAX_LINE));
      open.rest = open.rest.slice(MAX_LINE);
    }
  }

  #emit(call: Call, open: OpenCall, line: string): void {
    const text = keptLine(line.endsWith('\r') ? line.slice(0, -1) : line, ++open.lines);
    if (text !== null) this.onLine(call, text);
  }
}

/** What a terminal shows of a line that is written over and over, as by progress bars. */
function visible(line: string): string {
  // The last one may belong to the line's end, which Windows writes as two characters.
  const start = line.lastIndexOf('\r', line.length - 2) + 1;
  return start === 0 ? line : line.slice(start);
}

/** A line as it is logged, or null if the call has too many. `number` is the line's in its call, from 1. */
export function keptLine(line: string, number: number): string | null {
  if (number > MAX_LINES + 1) return null;
  if (number > MAX_LINES)
    return `(Output after this line was dropped: a call's log is limited to ${MAX_LINES.toLocaleString('en')} lines.)`;
  return line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line;
}

interface OpenCall {
  /** Offset to read next. */
  position: number;
  readonly decoder: StringDecoder;
  /** An incomplete line. */
  rest: string;
  lines: number;
}
