/** Follows a run until it ends, for `run` and `watch`. */
import type { RunHandle, RunState } from '..';
import { wasRefused } from '../core/status';
import { DETACHED, exitCodeOf, Interrupted } from './exit';
import type { Suggest } from './invocation';
import { shellWord } from '../core/shell-word';
import { cleanLines } from '../display/text';
import { summarise } from './summary';
import { aside, errorPaint, note, printJson } from './terminal';

export interface FollowOptions {
  json: boolean;
  strict: boolean;
  suggest: Suggest;
  /** Aborted by Ctrl-C. */
  interrupt: AbortSignal;
  /** Aborted when the server has moved to another port; the caller then reconnects. */
  moved: AbortSignal;
}

/** Returns the exit code. */
export async function follow(handle: RunHandle, options: FollowOptions): Promise<number> {
  const state = await waitWithProgress(handle, options);
  if (state === null) {
    const run = shellWord(handle.runId);
    note(
      `Detached: the run continues. Follow it with \`${options.suggest(`watch ${run}`)}\`, ` +
        `stop it with \`${options.suggest(`cancel ${run}`)}\`.`,
    );
    return DETACHED;
  }
  if (options.json) printJson(state);
  else if (wasRefused(state)) refuse(state);
  else await summarise(handle, state, options.suggest).catch(noteUnreadable);
  return exitCodeOf(state, options.strict);
}

/** The run has ended, so a part of it that cannot be read does not change the exit code. */
function noteUnreadable(error: Error): void {
  note(`The summary is incomplete. ${cleanLines(error.message)}`);
}

/** Reports a refused run, which has nothing to summarise. */
function refuse({ error }: RunState): void {
  note(`${errorPaint.red('error:')} ${cleanLines(error?.message ?? 'the run was refused')}`);
  aside('No partition was started.');
}

/** Null when interrupted. */
async function waitWithProgress(
  handle: RunHandle,
  { interrupt, moved }: Pick<FollowOptions, 'interrupt' | 'moved'>,
): Promise<RunState | null> {
  try {
    return await handle.wait({ signal: AbortSignal.any([interrupt, moved]), progress: true });
  } catch (error) {
    if (interrupt.aborted) return null;
    throw error;
  }
}

/**
 * The first Ctrl-C aborts the signal; a second one ends the process as usual. `stopped` is the message for
 * when `use` gives up.
 */
export async function untilInterrupted<T>(
  stopped: string,
  use: (interrupt: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => {
    controller.abort();
    // Deferred (and not `process.once`): another listener that finds itself the only one would end the
    // process.
    setImmediate(() => process.removeListener('SIGINT', abort));
  };
  process.on('SIGINT', abort);
  try {
    return await use(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? new Interrupted(stopped) : error;
  } finally {
    process.removeListener('SIGINT', abort);
  }
}
