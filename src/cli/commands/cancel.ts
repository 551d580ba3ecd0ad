import type { Command } from 'commander';
import { untilInterrupted } from '../follow';
import { withExamples } from '../help';
import { reading } from '../connect';
import { withJson, withProject, type ReadingOptions } from '../options';
import { RUN_ID, runIdOf } from '../last-run';
import { renderRunState } from '../render/run-state';
import { aside, paint, print, printJson, widthOfTerminal } from '../terminal';

interface CancelOptions extends ReadingOptions {
  wait: boolean;
}

export function define(command: Command): void {
  withExamples(command, ['cancel regional-2024']);
  command
    .argument('<run>', RUN_ID)
    .option('--no-wait', "return without waiting for the run's functions to stop");
  withJson(withProject(command)).action((runId: string, options: CancelOptions) =>
    untilInterrupted('Stopped waiting.', (signal) =>
      reading(options, async (partwise) => {
        const handle = partwise.getRun(await runIdOf(partwise, runId));
        await handle.cancel();
        aside('Cancellation requested; running functions have a moment to stop.');
        const state = options.wait ? await handle.wait({ signal }) : await handle.status();
        if (options.json === true) printJson(state);
        else print(renderRunState(state, [], widthOfTerminal(), paint));
      }),
    ),
  );
}
