import { InvalidArgumentError, type Command } from 'commander';
import { withExamples } from '../help';
import { suggesting } from '../invocation';
import { parseDuration } from '../../input/duration';
import { parsePeriod } from '../../input/zoned-time';
import { RUN_STATUSES, type RunStatus } from '../../core/status';
import type { RunListing } from '../..';
import { reading } from '../connect';
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
}

const NEWEST = 20;

export function define(command: Command): void {
  withExamples(command, ['list --status FAILURE --limit 5', 'list --schedule nightly --since 7d']);
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
    );
  withJson(withProject(command)).action(async (options: ListCommandOptions) => {
    await reading(options, async (partwise) => {
      const found: RunListing[] = [];
      let refused = 0;
      let after: string | undefined;
      // Fetch one more, to know whether there are more.
      do {
        const page = await partwise.list({
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
        after = page.next ?? undefined;
      } while (found.length <= options.limit && after !== undefined);
      const runs = found.slice(0, options.limit);
      if (options.json === true) return printJson({ runs, refused });
      print(renderRuns(runs, new Date().toISOString(), widthOfTerminal(), paint));
      const { schedule } = options;
      if (schedule !== undefined && refused > 0)
        note(
          `${refused === 1 ? '1 start was' : `${refused} starts were`} refused, so nothing was run: ${suggesting(options)(`schedule describe ${shellWord(schedule)}`)}`,
        );
      if (found.length === runs.length) return;
      aside(
        `There are more runs: ${suggesting(options)(`list ${filterFlags(options)}--limit ${options.limit * 10}`)}`,
      );
    });
  });
}

function filterFlags({ status, function: name, schedule, text, since }: ListCommandOptions): string {
  return Object.entries({ status, function: name, schedule, text, since: since?.toISOString() })
    .filter(([, value]) => value !== undefined)
    .map(([flag, value]) => `--${flag} ${shellWord(value!)} `)
    .join('');
}

function moment(text: string): Date {
  const ago = parseDuration(text);
  const at = ago === null ? parsePeriod(text, 'UTC')?.from : Date.now() - ago;
  if (at !== undefined) return new Date(at);
  throw new InvalidArgumentError('Give a duration such as 12h or 7d, a day such as 2026-11-01, or a time.');
}
