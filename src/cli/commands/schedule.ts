import type { Command } from 'commander';
import { withExamples } from '../help';
import type { Overlap, Partwise } from '../..';
import { suggesting } from '../invocation';
import { loadProject, reading, withPartwise } from '../connect';
import { CHOICES } from '../../core/choices';
import { choiceOption, withJson, withProject, type ReadingOptions } from '../options';
import { commandLines } from '../render/next-commands';
import { shellWord } from '../../core/shell-word';
import { renderFirings, renderSchedule, renderSchedules } from '../render/schedules';
import { clean, plural } from '../../display/text';
import { inFlags } from '../flag-words';
import { aside, errorPaint, note, paint, print, printJson, widthOfTerminal } from '../terminal';

export function define(command: Command): void {
  withExamples(command, ['schedule list']);
  const { defineCreate }: typeof import('./schedule-create') = require('./schedule-create');
  defineCreate(command.command('create').summary('create a schedule'));
  const { defineUpdate }: typeof import('./schedule-update') = require('./schedule-update');
  defineUpdate(command.command('update').summary('change a schedule; what is not given stays'));

  withJson(
    withProject(withExamples(command.command('list').summary('list schedules'), ['schedule list'])),
  ).action(list);
  withJson(withProject(named(command, 'describe', 'show its recent and next runs'))).action(describe);
  withProject(withNote(named(command, 'pause', 'start no more runs until it is unpaused'))).action(pause);
  withProject(withNote(named(command, 'unpause', 'resume a paused schedule'))).action(unpause);
  withJson(withProject(withOverlap(named(command, 'trigger', 'start one run now')))).action(trigger);
  const backfill = named(
    command,
    'backfill',
    'start runs for past times',
    ' --from 2026-11-01 --to 2026-11-07',
  )
    .requiredOption(
      '--from <time>',
      'first day, such as 2026-11-01, or time, in the time zone of the schedule',
    )
    .requiredOption('--to <time>', 'last day or time, inclusive')
    .option('--dry-run', 'only show which runs would be started');
  withJson(withProject(withOverlap(backfill))).action(runBackfill);
  withProject(named(command, 'delete', 'delete a schedule; its runs are kept')).action(deleteSchedule);
}

/** `flags` are added to the command's example. */
function named(command: Command, name: string, summary: string, flags = ''): Command {
  return withExamples(command.command(name).summary(summary), [`schedule ${name} nightly${flags}`]).argument(
    '<name>',
    'name of the schedule',
  );
}

function withNote(command: Command): Command {
  return command.option('--note <text>', 'reason');
}

function withOverlap(command: Command): Command {
  return command.addOption(
    choiceOption('--overlap <policy>', 'what to do if another run is in progress', CHOICES.overlap, null),
  );
}

async function list(options: ReadingOptions): Promise<void> {
  await reading(options, async ({ schedules }) => {
    const found = await schedules.list();
    if (options.json === true) printJson({ schedules: found });
    else print(renderSchedules(found, widthOfTerminal(), paint));
  });
}

async function describe(name: string, options: ReadingOptions): Promise<void> {
  await reading(options, async ({ schedules }) => {
    const schedule = await schedules.describe(name);
    if (options.json === true) return printJson(schedule);
    print(renderSchedule(schedule, widthOfTerminal(), paint));
    const last = schedule.recent.at(-1);
    const commands: [string, string][] = [
      ...(last === undefined
        ? []
        : [[`status ${shellWord(last.runId)}`, 'show its last run'] as [string, string]]),
      schedule.paused
        ? [`schedule unpause ${shellWord(name)}`, 'resume it']
        : [`schedule trigger ${shellWord(name)}`, 'start a run now'],
      [`schedule backfill ${shellWord(name)} --from DAY --to DAY`, 'start runs for past days'],
    ];
    print(`\n${commandLines(commands, suggesting(options), widthOfTerminal(), paint)}`);
  });
}

type NoteOptions = ReadingOptions & { note?: string };

async function pause(name: string, options: NoteOptions): Promise<void> {
  await reading(options, ({ schedules }) => schedules.pause(name, options.note));
  const suggest = suggesting(options);
  note(
    `${clean(name)} is paused; its runs in progress continue. Resume it with \`${suggest(`schedule unpause ${shellWord(name)}`)}\`.`,
  );
}

async function unpause(name: string, options: NoteOptions): Promise<void> {
  await reading(options, ({ schedules }) => schedules.unpause(name, options.note));
  note(`${clean(name)} is unpaused.`);
}

type OverlapOptions = ReadingOptions & { overlap?: Overlap };

/** Connects with a worker, since runs are about to start. */
async function starting(options: ReadingOptions, use: (partwise: Partwise) => Promise<void>): Promise<void> {
  await withPartwise(await loadProject(options), { needWorker: true }, (partwise) =>
    inFlags('nothing was started', () => use(partwise)),
  );
}

async function trigger(name: string, options: OverlapOptions): Promise<void> {
  const { overlap } = options;
  await starting(options, async ({ schedules }) => {
    const firing = await schedules.trigger(name, overlap === undefined ? {} : { overlap });
    if (options.json === true) return printJson(firing);
    note(`${errorPaint.dim('run')} ${errorPaint.bold(clean(firing.runId))}`);
    if (firing.startedAt === null) aside('It waits for the run in progress to end.');
    const run = shellWord(firing.runId);
    const commands = [
      [`watch ${run}`, 'follow it'],
      [`cancel ${run}`, 'stop it'],
    ] as const;
    if (firing.startedAt !== null)
      print(commandLines(commands, suggesting(options), widthOfTerminal(), paint));
  });
}

async function runBackfill(
  name: string,
  options: OverlapOptions & { from: string; to: string; dryRun?: boolean },
): Promise<void> {
  const { from, to, overlap, dryRun } = options;
  if (dryRun === true) return previewBackfill(name, options);
  await starting(options, async ({ schedules }) => {
    const firings = await schedules.backfill(name, {
      from,
      to,
      ...(overlap !== undefined && { overlap }),
    });
    if (options.json === true) return printJson({ runs: firings });
    const { spec } = await schedules.describe(name);
    print(renderFirings(firings, spec.timeZone, widthOfTerminal(), paint));
    const fresh = firings.filter(({ startedAt }) => startedAt === null).length;
    if (fresh < firings.length) aside('Times that already have a run are skipped.');
    note(`${plural(fresh, 'run')} requested.`);
    const commands = [[`schedule describe ${shellWord(name)}`, 'their status']] as const;
    print(`\n${commandLines(commands, suggesting(options), widthOfTerminal(), paint)}`);
  });
}

async function previewBackfill(
  name: string,
  options: ReadingOptions & { from: string; to: string },
): Promise<void> {
  const { from, to } = options;
  await reading(options, ({ schedules }) =>
    inFlags('nothing would be started', async () => {
      const firings = await schedules.previewBackfill(name, { from, to });
      if (options.json === true) return printJson({ runs: firings });
      const { spec } = await schedules.describe(name);
      print(renderFirings(firings, spec.timeZone, widthOfTerminal(), paint));
    }),
  );
}

async function deleteSchedule(name: string, options: ReadingOptions): Promise<void> {
  await reading(options, ({ schedules }) => schedules.delete(name));
  note(`${clean(name)} is deleted. Its runs are kept: ${suggesting(options)('list')}`);
}
