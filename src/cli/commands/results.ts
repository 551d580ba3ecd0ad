import { Option, type Command } from 'commander';
import { withExamples } from '../help';
import { readingRun } from '../connect';
import { wholeNumber, withJson, withProject, withRun, type RunReadingOptions } from '../options';
import { csvOf, renderRows } from '../render/rows';
import { aside, paint, print, printJson, widthOfTerminal } from '../terminal';

interface ResultsOptions extends RunReadingOptions {
  csv?: boolean;
  limit?: number;
}

/** As many rows as are readable in a table; JSON and CSV are for programs and contain all rows. */
const ROWS_ON_SCREEN = 100;

export function define(command: Command): void {
  withExamples(command, ['results regional-2024 --csv > summary.csv']);
  withRun(command)
    .addOption(new Option('--csv', 'print CSV').conflicts('json'))
    .option(
      '--limit <n>',
      `maximum number of rows (default: ${ROWS_ON_SCREEN} as a table, otherwise all)`,
      wholeNumber,
    );
  withJson(withProject(command)).action(async (runId: string | undefined, options: ResultsOptions) => {
    await readingRun(runId, options, async (handle) => {
      const asTable = options.json !== true && options.csv !== true;
      const limit = options.limit ?? (asTable ? ROWS_ON_SCREEN : undefined);
      const rows = await handle.results(limit === undefined ? {} : { limit });
      if (options.json === true) return printJson(rows);
      if (options.csv === true) return void process.stdout.write(csvOf(rows));
      const total = rows.length < limit! ? rows.length : await handle.countResults();
      print(renderRows(rows, limit!, widthOfTerminal(), paint, total));
      if (rows.length < total) aside('Use --limit to show more rows; --json and --csv print all.');
    });
  });
}
