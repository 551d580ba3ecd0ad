import type { Command } from 'commander';
import { withExamples } from '../help';
import { suggesting } from '../invocation';
import { reading, wholeNumber, withJson, withProject, type ReadingOptions } from '../project';
import { renderRuns } from '../render/runs';
import { aside, paint, print, printJson, widthOfTerminal } from '../terminal';

const NEWEST = 20;

export function define(command: Command): void {
  withExamples(command, ['list --limit 5']);
  command.option('--limit <n>', 'the newest so many', wholeNumber, NEWEST);
  withJson(withProject(command)).action(async (options: ReadingOptions & { limit: number }) => {
    await reading(options, async (partwise) => {
      // One more tells whether there are more.
      const found = await partwise.list({ limit: options.limit + 1 });
      const runs = found.slice(0, options.limit);
      if (options.json === true) return printJson({ runs });
      print(renderRuns(runs, new Date().toISOString(), widthOfTerminal(), paint));
      if (found.length === runs.length) return;
      aside(`There are older runs: ${suggesting(options)(`list --limit ${options.limit * 10}`)}`);
    });
  });
}
