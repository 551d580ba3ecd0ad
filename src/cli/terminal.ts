/** Output of the CLI: results go to standard output, messages and progress to standard error. */
import { createColors } from 'picocolors';
import type { Paint } from './render/paint';

const MIN_WIDTH = 40;
/** For a terminal that does not report its width. */
const DEFAULT_WIDTH = 100;

/**
 * Colours for one of the two streams: off if it is not a terminal, unless NO_COLOR or FORCE_COLOR decides.
 */
function paintFor(stream: NodeJS.WriteStream): Paint {
  if (process.env['NO_COLOR']) return createColors(false);
  if (process.env['FORCE_COLOR']) return createColors(process.env['FORCE_COLOR'] !== '0');
  return createColors(Boolean(stream.isTTY) && process.env['TERM'] !== 'dumb');
}

/** Colours of standard output. */
export const paint = paintFor(process.stdout);
/** Colours of standard error. */
export const errorPaint = paintFor(process.stderr);

/**
 * The width to fit into; unlimited if the output is not a terminal, so that output for programs is not
 * truncated.
 */
export function widthOfTerminal(stream: NodeJS.WriteStream = process.stdout): number {
  const asked = Number(process.env['COLUMNS']);
  const unasked = stream.isTTY ? DEFAULT_WIDTH : Infinity;
  // A pseudo-terminal without a size reports 0.
  return Math.max(MIN_WIDTH, stream.columns || (asked > 0 ? asked : unasked));
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One JSON document. */
export function printJson(value: unknown): void {
  // Loaded only when needed, to keep help fast.
  const { showJson }: typeof import('../core/json') = require('../core/json');
  print(showJson(value, 2));
}

let writeNote = (text: string): void => void process.stderr.write(text);

/** Prints a message to standard error, next to the result. */
export function note(text: string): void {
  writeNote(`${text}\n`);
}

/** Writes notes above a progress bar on the last line. Returns a function that undoes it. */
export function redirectNotes(write: (text: string) => void): () => void {
  const before = writeNote;
  writeNote = write;
  return () => {
    writeNote = before;
  };
}

/** Prints a dimmed message about what the command is doing. */
export function aside(text: string): void {
  note(errorPaint.dim(text));
}

/** The shell's code for a command that ended because its reader closed the pipe (SIGPIPE). */
const PIPE_CLOSED = 141;
let outlivesReader = false;

/** Exits quietly when the reader closes the pipe (`| head`), unless the command outlives it. */
export function endQuietlyOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (!outlivesReader) process.exit(process.exitCode ?? PIPE_CLOSED);
    });
  }
}

/** Lets the command continue without output when the pipe is closed, because its exit code matters. */
export function outliveReader(): void {
  outlivesReader = true;
}

/** Resolves once everything written has been flushed. */
export async function drained(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
}
