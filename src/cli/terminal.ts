/** Output of the CLI: results go to standard output, messages and progress to standard error. */
import { errorPaint, note, paintFor } from '../display/stderr';

export { aside, errorPaint, note, redirectNotes, widthOfTerminal } from '../display/stderr';

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

/**
 * Ends the command when its output cannot be written, unless its work goes on without a reader: quietly when
 * the reader closed the pipe (`| head`), otherwise with a message and this exit code.
 */
export function endOnFailedOutput(exitCode: number): void {
  let reported = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return endUnlessOutliving(process.exitCode ?? PIPE_CLOSED);
    if (reported) return;
    reported = true;
    const why = error.message.replace(/^E[A-Z]+: /, '').replace(/, write$/, '');
    const after = outlivesReader ? ' The command continues without it.' : '';
    note(`${errorPaint.red('error:')} Could not write to standard output: ${why}.${after}`, 'ERROR');
    endUnlessOutliving(exitCode);
  });
  // Messages that are lost elsewhere (a full disk) do not change what the command does.
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') endUnlessOutliving(process.exitCode ?? PIPE_CLOSED);
  });
}

function endUnlessOutliving(exitCode: string | number): void {
  if (!outlivesReader) process.exit(exitCode);
}

/** Lets the command continue when its output cannot be written, because its exit code matters. */
export function outliveReader(): void {
  outlivesReader = true;
}

/** Resolves on Ctrl-C, or when another process asks this one to end. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}

/** Resolves once everything written has been flushed. */
export async function drained(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
}
