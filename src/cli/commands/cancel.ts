import type { Command } from 'commander';
import { CannotDo } from '../exit';
import { untilInterrupted } from '../follow';
import { reading, withJson, withProject, type ReadingOptions } from '../project';
import { renderRunState } from '../render/run-state';
import { clean } from '../render/text';
import { aside, paint, print, printJson, widthOfTerminal } from '../terminal';

interface CancelOptions extends ReadingOptions {
  wait: boolean;
}

export function define(command: Command): void {
  command
    .argument('<run>', 'run id')
    .option('--no-wait', 'ask, and do not wait until its functions have stopped');
  withJson(withProject(command)).action((runId: string, options: CancelOptions) =>
    untilInterrupted((signal) =>
      reading(options, async (partwise) => {
        const handle = partwise.restore(runId);
        const before = await handle.status();
        if (before.status !== 'IN_PROGRESS') {
          throw new CannotDo(`The run "${clean(runId)}" has ended already: ${before.status}.`);
        }
        await handle.cancel();
        aside('Asked to stop; its functions have a moment to end.');
        const state = options.wait ? await handle.wait({ signal }) : await handle.status();
        if (options.json === true) printJson(state);
        else print(renderRunState(state, [], widthOfTerminal(), paint));
      }),
    ),
  );
}
