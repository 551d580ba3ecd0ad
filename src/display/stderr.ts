/** Messages and progress on standard error, next to the results of a program. */
import { createColors } from 'picocolors';
import type { Paint } from './paint';

const MIN_WIDTH = 40;
/** For a terminal that does not report its width. */
const DEFAULT_WIDTH = 100;

/**
 * Colours for one of the two streams: off if it is not a terminal, unless NO_COLOR or FORCE_COLOR decides.
 */
export function paintFor(stream: NodeJS.WriteStream): Paint {
  if (process.env['NO_COLOR']) return createColors(false);
  if (process.env['FORCE_COLOR']) return createColors(process.env['FORCE_COLOR'] !== '0');
  return createColors(Boolean(stream.isTTY) && process.env['TERM'] !== 'dumb');
}

/** Colours of standard error. */
export const errorPaint = paintFor(process.stderr);

/**
 * The width to fit into; unlimited if the output is not a terminal, so that output for programs is not
 * truncated.
 */
export function widthOfTerminal(
  stream: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'> = process.stdout,
): number {
  const asked = Number(process.env['COLUMNS']);
  const unasked = stream.isTTY ? DEFAULT_WIDTH : Infinity;
  // A pseudo-terminal without a size reports 0.
  return Math.max(MIN_WIDTH, stream.columns || (asked > 0 ? asked : unasked));
}

/** `ERROR` is for what ends the command. */
export type NoteLevel = 'INFO' | 'ERROR';

let writeNote = (text: string, _level: NoteLevel): void => void process.stderr.write(text);

/** Prints a message to standard error, next to the result. */
export function note(text: string, level: NoteLevel = 'INFO'): void {
  writeNote(`${text}\n`, level);
}

/** Writes notes elsewhere, such as above a progress bar. Returns a function that undoes it. */
export function redirectNotes(write: typeof writeNote): () => void {
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
