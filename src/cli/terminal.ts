/** Output of the CLI: results go to standard output, messages and progress to standard error. */
import { paintFor } from '../display/stderr';

export { aside, errorPaint, note, widthOfTerminal } from '../display/stderr';

/** Colours of standard output. */
export const paint = paintFor(process.stdout);
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One JSON document. */
export function printJson(value: unknown): void {
  // Loaded only when needed, to keep help fast.
  const { showJson }: typeof import('../core/json') = require('../core/json');
  print(showJson(value, 2));
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
