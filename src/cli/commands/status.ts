import type { Command } from 'commander';
import { suggesting } from '../invocation';
import { reading, withJson, withProject, type ReadingOptions } from '../project';
import { renderRunState } from '../render/run-state';
import { firstFailures, suggestions } from '../summary';
import { paint, print, printJson, widthOfTerminal } from '../terminal';

const MOST_FAILURES = 5;

export function define(command: Command): void {
  command.argument('<run>', 'run id');
  withJson(withProject(command)).action(async (runId: string, options: ReadingOptions) => {
    await reading(options, async (partwise) => {
      const handle = partwise.restore(runId);
      const state = await handle.status();
      if (options.json === true) return printJson(state);
      const failures = await firstFailures(handle, state, MOST_FAILURES);
      print(renderRunState(state, failures, widthOfTerminal(), paint));
      if (state.counts.total > 0)
        print(`\n${await suggestions(handle, state, failures, suggesting(options))}`);
    });
  });
}
