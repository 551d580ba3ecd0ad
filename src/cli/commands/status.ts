import type { Command } from 'commander';
import { withExamples } from '../help';
import { suggesting } from '../invocation';
import { readingRun } from '../connect';
import { withJson, withProject, withRun, type RunReadingOptions } from '../options';
import { renderInput, renderRunState } from '../render/run-state';
import { suggestions } from '../summary';
import { paint, print, printJson, widthOfTerminal } from '../terminal';

export function define(command: Command): void {
  withExamples(command, [
    'status regional-2024',
    'status --history stage/regional-2024/archive/1-full.json.gz',
  ]);
  withJson(withProject(withRun(command))).action(
    async (runId: string | undefined, options: RunReadingOptions) => {
      await readingRun(runId, options, async (handle) => {
        const state = await handle.status();
        if (options.json === true) return printJson(state);
        const failures = await handle.failures();
        print(renderRunState(state, failures, widthOfTerminal(), paint));
        if (state.input !== null) print(renderInput(state.input, widthOfTerminal(), paint));
        // The suggested commands need the server.
        if (state.counts.total > 0 && options.history === undefined)
          print(`\n${await suggestions(handle, state, failures, suggesting(options))}`);
      });
    },
  );
}
