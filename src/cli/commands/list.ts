import { InvalidArgumentError, type Command } from 'commander';
import { withExamples } from '../help';
import { suggesting } from '../invocation';
import { parseDuration } from '../../input/duration';
import { parsePeriod } from '../../input/zoned-time';
import { RUN_STATUSES, type RunStatus } from '../../core/status';
import type { Partwise, RunListing, RunPage } from '../..';
import { loadProject, reading } from '../connect';
import { atLeastOne, statusOption, withJson, withProject, type ReadingOptions } from '../options';
import { renderRuns } from '../render/runs';
import { shellWord } from '../../core/shell-word';
import { aside, note, paint, print, printJson, widthOfTerminal } from '../terminal';

interface ListCommandOptions extends ReadingOptions {
  limit: number;
  status?: RunStatus;
  function?: string;
  schedule?: string;
  since?: Date;
  text?: string;
  archived?: boolean;
}

const NEWEST = 20;

export function define(command: Command): void {
  withExamples(command, [
    'list --status FAILURE --limit 5',
    'list --schedule nightly --since 7d',
    'list --archived',
  ]);
  command
    .option('--limit <n>', 'maximum number of runs', atLeastOne, NEWEST)
    .addOption(statusOption(RUN_STATUSES))
    .option('--function <name>', 'only runs of this function')
    .option('--schedule <name>', 'only runs of this schedule')
    .option('--text <text>', 'only runs whose ids contain this')
    .option(
      '--since <time>',
      'only runs started since a duration ago, such as 12h or 7d, or since a day or time (UTC)',
      moment,
    )
    .option('--archived', "runs that the server has deleted, from the stage's archives")
    .option('--stage <place>', 'all archived runs of this stage, without a server');
  withJson(withProject(command)).action(async (options: ListCommandOptions) => {
    await listing(options, async (list) => {
      const found: RunListing[] = [];
      const unread: RunPage['unread'] = [];
      let refused = 0;
      let after: string | undefined;
      // Fetch one more, to know whether there are more.
      do {
        const page = await list({
          limit: options.limit + 1,
          after,
          status: options.status,
          function: options.function,
          schedule: options.schedule,
          startedFrom: options.since,
          text: options.text,
        });
        found.push(...page.runs);
        refused += page.refused;
        unread.push(...page.unread);
        after = page.next ?? undefined;
      } while (found.length <= options.limit && after !== undefined);
      const runs = found.slice(0, options.limit);
      if (options.json === true) return printJson({ runs, refused, unread });
      if (runs.length > 0 || unread.length === 0)
        print(renderRuns(runs, new Date().toISOString(), widthOfTerminal(), paint));
      for (const { runId, why } of unread) note(`The run "${runId}" cannot be read: ${why}`);
      const { schedule } = options;
      if (schedule !== undefined && refused > 0)
        note(
          `${refused === 1 ? '1 start was' : `${refused} starts were`} refused, so nothing was run: ${suggesting(options)(`schedule describe ${shellWord(schedule)}`)}`,
        );
      if (
        runs.length + unread.length === 0 &&
        filterFlags({ ...options, stage: undefined, archived: false }) === ''
      )
        aside(whereRunsAre(options));
      if (found.length === runs.length) return;
      aside(
        `There are more runs: ${suggesting(options)(`list ${filterFlags(options)}--limit ${options.limit * 10}`)}`,
      );
    });
  });
}

/** Lists the runs of the server or, with --stage, of archives. */
async function listing(
  options: ListCommandOptions,
  use: (list: Partwise['list']) => Promise<void>,
): Promise<void> {
  const { stage: place, archived } = options;
  if (place === undefined)
    return reading(options, (partwise) => use((filter) => partwise.list({ ...filter, archived })));
  const { Partwise }: typeof import('../..') = require('../..');
  const stage = await Partwise.fromStage(place, { config: await loadProject(options) });
  try {
    await use((filter) => stage.list(filter));
  } finally {
    await stage.close();
  }
}

/** The next command where there are no runs at all. */
function whereRunsAre({ stage, archived, ...options }: ListCommandOptions): string {
  const suggest = suggesting(options);
  if (stage === undefined && archived !== true)
    return `Start one: ${suggest('run FUNCTION --from SOURCE --by COLUMNS')}`;
  return `A run is archived on its stage when it ends. Runs on the server: ${suggest('list')}`;
}

function filterFlags(options: ListCommandOptions): string {
  const { status, function: name, schedule, text, since, archived, stage } = options;
  const filters = { status, function: name, schedule, text, since: since?.toISOString(), stage };
  const flags = Object.entries(filters)
    .filter(([, value]) => value !== undefined)
    .map(([flag, value]) => `--${flag} ${shellWord(value!)} `)
    .join('');
  return archived === true ? `${flags}--archived ` : flags;
}

function moment(text: string): Date {
  const ago = parseDuration(text);
  const at = ago === null ? parsePeriod(text, 'UTC')?.from : Date.now() - ago;
  if (at !== undefined) return new Date(at);
  throw new InvalidArgumentError('Give a duration such as 12h or 7d, a day such as 2026-11-01, or a time.');
}
