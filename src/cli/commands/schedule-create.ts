import type { Command } from 'commander';
import { withExamples } from '../help';
import { suggesting } from '../invocation';
import { loadProject, withPartwise } from '../connect';
import { namedFunction, withJson, withProject, type ProjectFlags } from '../options';
import { commandLines } from '../render/next-commands';
import { shellWord } from '../../core/shell-word';
import { renderSchedule } from '../render/schedules';
import { withOutcomeFlags, withRunFlags } from '../run-flags';
import { inFlags, refusal } from '../flag-words';
import { toSchedule, withScheduleFlags, type ScheduleFlags } from '../schedule-flags';
import { aside, paint, print, printJson, widthOfTerminal } from '../terminal';

const NOT_MADE = 'the schedule cannot be created';

export function defineCreate(command: Command): void {
  withExamples(command, [
    "schedule create nightly salesByRegion --from 'query:SELECT * FROM sales WHERE day = $scheduled_date - 1' \\\n    --by region --cron '30 0 * * *' --time-zone Europe/Berlin",
    "schedule create hourly --sql 'SELECT count(*) AS n FROM data' --from sales.csv --by region --every 1h",
  ]);
  const withName = command.argument('<name>', 'name of the schedule; prefix of its run ids');
  withJson(
    withProject(
      withOutcomeFlags(withScheduleFlags(withRunFlags(withName))).option(
        '--paused',
        'create the schedule paused',
      ),
    ),
  ).action(create);
}

async function create(
  name: string,
  reference: string | undefined,
  given: ScheduleFlags & { json?: boolean },
): Promise<void> {
  const { name: functionName, flags: options } = namedFunction(reference, given);
  const config = await loadProject(options);
  const wanted = toSchedule(functionName, options, { projectDir: config.projectDir, cwd: process.cwd() });
  const { scheduleProblems }: typeof import('../..') = require('../..');
  const problems = scheduleProblems(name, wanted);
  if (problems.length > 0) throw refusal(NOT_MADE, problems);
  await withPartwise(config, { needWorker: false }, async (partwise) => {
    const schedule = await inFlags(NOT_MADE, () => partwise.schedules.create(name, wanted));
    if (partwise.embedded) aside(whileUp(options));
    if (options.json === true) return printJson(schedule);
    print(renderSchedule(schedule, widthOfTerminal(), paint));
    const commands = [
      [`schedule trigger ${shellWord(name)}`, 'start a run now'],
      [`schedule backfill ${shellWord(name)} --from DAY --to DAY`, 'start runs for past days'],
      [`schedule describe ${shellWord(name)}`, 'show its recent and next runs'],
    ] as const;
    print(`\n${commandLines(commands, suggesting(options), widthOfTerminal(), paint)}`);
  });
}

function whileUp(options: ProjectFlags): string {
  return (
    'The embedded server fires schedules only while it is running, and it stops after ten idle minutes: ' +
    `keep it running with \`${suggesting(options)('dev')}\`.`
  );
}
