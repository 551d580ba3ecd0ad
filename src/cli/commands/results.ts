import { Option, type Command } from 'commander';
import type { ResultRows, ResultsOptions, RunHandle } from '../..';
import { withExamples } from '../help';
import { readingRun } from '../connect';
import { wholeNumber, withJson, withProject, withRun, type RunReadingOptions } from '../options';
import { csvOf, renderRows } from '../render/rows';
import { SEVERAL } from '../repeated';
import { conditionOf, sortOf } from '../result-conditions';
import { aside, paint, print, printJson, widthOfTerminal } from '../terminal';

interface ResultsFlags extends RunReadingOptions {
  csv?: boolean;
  limit?: number;
  offset?: number;
  sort?: string[];
  where?: string[];
}

/** As many rows as are readable in a table; JSON and CSV are for programs and contain all rows. */
const ROWS_ON_SCREEN = 100;

export function define(command: Command): void {
  withExamples(command, [
    'results regional-2024 --csv > summary.csv',
    'results regional-2024 --where "orders >= 20" --sort=-total --limit 10',
  ]);
  withRun(command)
    .addOption(new Option('--csv', 'print CSV').conflicts('json'))
    .option(
      '--where <condition>',
      'only rows for which this holds: a column, = != < <= > >= or contains, and a value; or isNull, isNotNull (repeatable)',
      SEVERAL,
    )
    .option('--sort <column>', 'sort by this column; =-COLUMN: largest first (repeatable)', SEVERAL)
    .option('--offset <n>', 'skip so many rows', wholeNumber)
    .option(
      '--limit <n>',
      `maximum number of rows (default: ${ROWS_ON_SCREEN} as a table, otherwise all)`,
      wholeNumber,
    );
  withJson(withProject(command)).action(async (runId: string | undefined, options: ResultsFlags) => {
    const { offset } = options;
    const selection = { offset, sort: options.sort?.map(sortOf), where: options.where?.map(conditionOf) };
    await readingRun(runId, options, async (handle) => {
      const asTable = options.json !== true && options.csv !== true;
      const limit = options.limit ?? (asTable ? ROWS_ON_SCREEN : Infinity);
      const { rows, total } = await read(handle, selection, limit);
      if (options.json === true) return printJson(rows);
      if (options.csv === true) return void process.stdout.write(csvOf(rows));
      print(renderRows(rows, limit, widthOfTerminal(), paint, total));
      if (rows.length < total) aside('Use --limit to show more rows; --json and --csv print all.');
    });
  });
}

/** `total`: of the rows that are selected, without those before the offset. */
async function read(
  handle: RunHandle,
  { offset, sort, where }: Omit<ResultsOptions, 'limit'>,
  limit: number,
): Promise<{ rows: ResultRows; total: number }> {
  const rows = await handle.results({ offset, sort, where, ...(limit < Infinity && { limit }) });
  if (rows.length < limit) return { rows, total: rows.length };
  const selected =
    where === undefined ? await handle.countResults() : (await handle.resultsPage({ where, limit: 1 })).total;
  return { rows, total: Math.max(0, selected - (offset ?? 0)) };
}
