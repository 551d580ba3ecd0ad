import type { Command } from 'commander';
import { withExamples } from '../help';
import { suggesting } from '../invocation';
import { RUN_STATUSES, type RunStatus } from '../../core/status';
import type { RunListing } from '../..';
import { reading } from '../connect';
import { statusOption, wholeNumber, withJson, withProject, type ReadingOptions } from '../options';
import { renderRuns } from '../render/runs';
import { shellWord } from '../render/next-commands';
import { aside, paint, print, printJson, widthOfTerminal } from '../terminal';

interface ListCommandOptions extends ReadingOptions {
  limit: number;
  status?: RunStatus;
  function?: string;
}

const NEWEST = 20;

export function define(command: Command): void {
  withExamples(command, ['list --status FAILURE --limit 5']);
  command
    .option('--limit <n>', 'maximum number of runs', wholeNumber, NEWEST)
    .addOption(statusOption(RUN_STATUSES))
    .option('--function <name>', 'only runs of this function');
  withJson(withProject(command)).action(async (options: ListCommandOptions) => {
    await reading(options, async (partwise) => {
      const found: RunListing[] = [];
      let after: string | undefined;
      // Fetch one more, to know whether there are more.
      do {
        const page = await partwise.list({
          limit: options.limit + 1,
          after,
          status: options.status,
          function: options.function,
        });
        found.push(...page.runs);
        after = page.next ?? undefined;
      } while (found.length <= options.limit && after !== undefined);
      const runs = found.slice(0, options.limit);
      if (options.json === true) return printJson({ runs });
      print(renderRuns(runs, new Date().toISOString(), widthOfTerminal(), paint));
      if (found.length === runs.length) return;
      aside(
        `There are more runs: ${suggesting(options)(`list ${filterFlags(options)}--limit ${options.limit * 10}`)}`,
      );
    });
  });
}

function filterFlags(options: ListCommandOptions): string {
  const status = options.status === undefined ? '' : `--status ${options.status} `;
  return options.function === undefined ? status : `${status}--function ${shellWord(options.function)} `;
}
