/** Shared by commands that change a run in progress: apply the change, then show the run's state. */
import type { Command } from 'commander';
import type { RunHandle } from '..';
import { CannotDo } from './exit';
import { suggesting } from './invocation';
import { loadProject, withPartwise } from './connect';
import { withJson, withProject, type ReadingOptions } from './options';
import { runIdOf } from './last-run';
import { nextCommands } from './render/next-commands';
import { renderRunState } from './render/run-state';
import { aside, paint, print, printJson, widthOfTerminal } from './terminal';

export type ChangeOptions = ReadingOptions;

export function withChange(command: Command): Command {
  return withJson(withProject(command));
}

/**
 * `confirmation` is printed once the change is in force. `inWords` rephrases a refusal in the command's own
 * terms.
 */
export async function changing(
  runId: string,
  options: ChangeOptions,
  change: (handle: RunHandle) => Promise<void>,
  confirmation: string,
  inWords: (refusal: string) => string = (refusal) => refusal,
): Promise<void> {
  // Needs a worker: the run's workflow applies the change.
  await withPartwise(await loadProject(options), { needWorker: true }, async (partwise) => {
    const handle = partwise.getRun(await runIdOf(partwise, runId));
    try {
      await change(handle);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'UpdateRefused') throw error;
      const refusal = inWords(error.message);
      throw new CannotDo(refusal.startsWith('- ') ? `nothing was changed:\n${refusal}` : refusal);
    }
    aside(confirmation);
    const state = await handle.status();
    if (options.json === true) return printJson(state);
    print(renderRunState(state, [], widthOfTerminal(), paint));
    const next = { state, failures: [], hasArtifacts: false, suggest: suggesting(options) };
    print(`\n${nextCommands(next, widthOfTerminal(), paint)}`);
  });
}
