import { Option, type Command } from 'commander';
import { reading, wholeNumber, withJson, withProject, type ReadingOptions } from '../project';
import { csvOf, renderRows } from '../render/rows';
import { aside, paint, print, printJson, widthOfTerminal } from '../terminal';

interface ResultsOptions extends ReadingOptions {
  csv?: boolean;
  limit?: number;
}

/** What a screen is good for; other forms are for programs and have all rows. */
const ROWS_ON_SCREEN = 100;

export function define(command: Command): void {
  command
    .argument('<run>', 'run id')
    .addOption(new Option('--csv', 'print CSV').conflicts('json'))
    .option('--limit <n>', `at most so many rows (default: all, ${ROWS_ON_SCREEN} as a table)`, wholeNumber);
  withJson(withProject(command)).action(async (runId: string, options: ResultsOptions) => {
    await reading(options, async (partwise) => {
      const asTable = options.json !== true && options.csv !== true;
      const limit = options.limit ?? (asTable ? ROWS_ON_SCREEN : undefined);
      // One more tells whether there are more.
      const rows = await partwise
        .restore(runId)
        .results(limit === undefined ? {} : { limit: asTable ? limit + 1 : limit });
      if (options.json === true) return printJson(rows);
      if (options.csv === true) return void process.stdout.write(csvOf(rows));
      print(renderRows(rows.slice(0, limit), ROWS_ON_SCREEN, widthOfTerminal(), paint));
      if (rows.length > limit!) aside('There are more rows: --limit shows more, --json and --csv have all.');
    });
  });
}
