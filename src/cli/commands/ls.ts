import type { Command } from 'commander';
import { reading, wholeNumber, withJson, withProject, type ReadingOptions } from '../project';
import { renderRuns } from '../render/runs';
import { paint, print, printJson, widthOfTerminal } from '../terminal';

const NEWEST = 20;

export function define(command: Command): void {
  command.option('--limit <n>', 'the newest so many', wholeNumber, NEWEST);
  withJson(withProject(command)).action(async (options: ReadingOptions & { limit: number }) => {
    await reading(options, async (partwise) => {
      const runs = await partwise.list({ limit: options.limit });
      if (options.json === true) printJson({ runs });
      else print(renderRuns(runs, new Date().toISOString(), widthOfTerminal(), paint));
    });
  });
}
