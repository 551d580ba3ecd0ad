/** Exit codes, and how the CLI reports errors. */
import { failed, wasRefused, type RunStatus } from '../core/status';
import { detailsOf, isDenied } from '../temporal/problems';
import { errorPaint, note } from './terminal';
import type { RunState } from '..';

/** 0: the workflow completed. */
export const OK = 0;
/** 1: it ended as FAILURE, cancelled, terminated, or with more failures than are tolerated. */
export const ENDED_BADLY = 1;
/** 2: no partition was started, or the command could not be carried out. */
export const NOT_DONE = 2;
/** 130: the shell's code for a command ended by Ctrl-C. The run continues. */
export const DETACHED = 130;

/** The command cannot be carried out; the message says why and what to do. */
export class CannotDo extends Error {
  override name = 'CannotDo';
}

/** The embedded server restarted on another port, so existing connections no longer reach it. */
export class ServerMoved extends Error {
  override name = 'ServerMoved';
}

/** Ctrl-C was pressed before there was a run to detach from. */
export class Interrupted extends Error {
  override name = 'Interrupted';
}

/**
 * The exit code for a run that has ended. `strict`: any partition that is not DONE or SKIPPED counts as
 * failure.
 */
export function exitCodeOf(state: RunState, strict: boolean): number {
  // enforces I8
  return EXIT_CODES[state.status](state, strict);
}

const EXIT_CODES: Readonly<Record<RunStatus, (state: RunState, strict: boolean) => number>> = {
  IN_PROGRESS: () => OK,
  SUCCESS: () => OK,
  // Within the tolerance, the workflow completes without an error.
  PARTIAL_FAILURE: ({ counts, error }, strict) =>
    error === null && !(strict && failed(counts) + counts.CANCELLED > 0) ? OK : ENDED_BADLY,
  FAILURE: (state) => (wasRefused(state) && state.error?.type !== 'Terminated' ? NOT_DONE : ENDED_BADLY),
  CANCELLED: () => ENDED_BADLY,
};

/** What Temporal's client wraps: "Failed to start Workflow" does not say why. */
function refusal(error: unknown): string | null {
  for (let at = error; at instanceof Error; at = at.cause)
    if (isDenied(at))
      return `The Temporal server refuses this request (${detailsOf(at)}). The API key or certificate may only be allowed to read: use one that may write to the namespace.`;
  return null;
}

/** Prints an error's message; its stack only with PARTWISE_DEBUG=1. */
export function reportError(error: unknown): void {
  const message = refusal(error) ?? (error instanceof Error ? error.message || error.name : String(error));
  // Several problems are a list below the word.
  note(`${errorPaint.red('error:')}${message.startsWith('- ') ? '\n' : ' '}${message}`, 'ERROR');
  if (process.env['PARTWISE_DEBUG'] === '1' && error instanceof Error) {
    for (let at: unknown = error; at instanceof Error; at = at.cause)
      note(errorPaint.dim(at.stack ?? at.message));
  } else if (error instanceof TypeError || error instanceof ReferenceError) {
    note(errorPaint.dim('This looks like a bug in Partwise: set PARTWISE_DEBUG=1 to see the stack trace.'));
  }
}
