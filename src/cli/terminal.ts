/** Where the CLI writes: results to standard output, prose and progress to standard error. */
import { createColors } from 'picocolors';
import type { Paint } from './render/paint';

const MIN_WIDTH = 40;
/** Of a terminal that does not say. */
const DEFAULT_WIDTH = 100;

/** Colours for one of the two streams: off when it is no terminal, as NO_COLOR and FORCE_COLOR say. */
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
 * Columns to fit into; as many as there are where the output is no terminal: what is read by programs is not
 * cut.
 */
export function widthOfTerminal(stream: NodeJS.WriteStream = process.stdout): number {
  const asked = Number(process.env['COLUMNS']);
  const unasked = stream.isTTY ? DEFAULT_WIDTH : Infinity;
  // A pseudo-terminal that nobody sized says 0.
  return Math.max(MIN_WIDTH, stream.columns || (asked > 0 ? asked : unasked));
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One JSON document. */
export function printJson(value: unknown): void {
  // Loaded by those who need it: help does not.
  const { showJson }: typeof import('../rows/json') = require('../rows/json');
  print(showJson(value, 2));
}

let writeNote = (text: string): void => void process.stderr.write(text);

/** Prose beside the result. */
export function note(text: string): void {
  writeNote(`${text}\n`);
}

/** While a progress bar stands on the last line, notes go above it. Returns what ends that. */
export function redirectNotes(write: (text: string) => void): () => void {
  const before = writeNote;
  writeNote = write;
  return () => {
    writeNote = before;
  };
}

/** What happens on the way, for those who wonder about a wait. */
export function aside(text: string): void {
  note(errorPaint.dim(text));
}

/** A reader that has seen enough (`| head`) ends the command quietly. */
export function endQuietlyOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
      throw error;
    });
  }
}

/** Resolves once everything written has left. */
export async function drained(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
}
