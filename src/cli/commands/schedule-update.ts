import type { Command } from 'commander';
import type { ScheduleChanges } from '../..';
import { CannotDo } from '../exit';
import { withExamples } from '../help';
import { inFlags } from '../flag-words';
import { loadProject, withPartwise } from '../connect';
import { namedFunction, withJson, withProject } from '../options';
import { renderSchedule } from '../render/schedules';
import { withOutcomeFlags, withRunFlags } from '../run-flags';
import { toSchedule, withScheduleFlags, type ScheduleFlags } from '../schedule-flags';
import { paint, print, printJson, widthOfTerminal } from '../terminal';

export function defineUpdate(command: Command): void {
  withExamples(command, [
    "schedule update nightly --cron '30 1 * * *'",
    "schedule update nightly --where 'amount > 0' --note 'without returns'",
  ]);
  const withName = command.argument('<name>', 'name of the schedule');
  withJson(
    withProject(
      withOutcomeFlags(withScheduleFlags(withRunFlags(withName))).option(
        '--no-pause-on-failure',
        'no longer pause the schedule when a run fails',
      ),
    ),
  ).action(update);
}

async function update(
  name: string,
  reference: string | undefined,
  given: ScheduleFlags & { json?: boolean },
): Promise<void> {
  const { name: functionName, flags: options } = namedFunction(reference, given);
  const config = await loadProject(options);
  const folders = { projectDir: config.projectDir, cwd: process.cwd() };
  const { input, ...rest } = toSchedule(functionName, options, folders);
  const code = {
    ...(options.functions !== undefined && { functions: config.functions[0] }),
    ...(options.python !== undefined && { python: config.python! }),
  };
  const changesOf = (own: object): ScheduleChanges => ({
    ...rest,
    ...(Object.keys(own).length > 0 && { input: own }),
  });
  if (Object.keys(changesOf({ ...input, ...code })).length === 0) {
    throw new CannotDo(
      "There is nothing to change: give what is to be different, such as --cron '30 1 * * *' or --note TEXT.",
    );
  }
  await withPartwise(config, { needWorker: false }, async (partwise) => {
    // A deployed worker has its own code.
    const changes = changesOf(partwise.embedded ? { ...input, ...code } : input);
    const schedule = await inFlags('the schedule was not changed', () =>
      partwise.schedules.update(name, changes),
    );
    if (options.json === true) return printJson(schedule);
    print(renderSchedule(schedule, widthOfTerminal(), paint));
  });
}
