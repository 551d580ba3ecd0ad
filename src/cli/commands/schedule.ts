import type { Command } from 'commander';
import { withExamples } from '../help';
import type { Overlap, Partwise } from '../..';
import { suggesting } from '../invocation';
import { loadProject, reading, withJson, withPartwise, withProject, type ReadingOptions } from '../project';
import { commandLines, shellWord } from '../render/next-commands';
import { renderFirings, renderSchedule, renderSchedules } from '../render/schedules';
import { clean, plural } from '../render/text';
import { inFlags } from '../flag-words';
import { aside, errorPaint, note, paint, print, printJson, widthOfTerminal } from '../terminal';

export function define(command: Command): void {
  withExamples(command, ['schedule list']);
  const { defineCreate }: typeof import('./schedule-create') = require('./schedule-create');
  defineCreate(command.command('create').summary('make one'));

  withJson(withProject(withExamples(command.command('list').summary('list them'), ['schedule list']))).action(
    list,
  );
  withJson(withProject(named(command, 'describe', 'what it did and will do'))).action(describe);
  withProject(withNote(named(command, 'pause', 'no more runs until it is unpaused'))).action(pause);
  withProject(withNote(named(command, 'unpause', 'go on'))).action(unpause);
  withJson(withProject(withOverlap(named(command, 'trigger', 'one run now')))).action(trigger);
  const backfill = named(
    command,
    'backfill',
    'runs for times that have passed',
    ' --from 2026-11-01 --to 2026-11-07',
  )
    .requiredOption('--from <time>', 'the first day, such as 2026-11-01, or time, in its time zone')
    .requiredOption('--to <time>', 'the last one, itself included');
  withJson(withProject(withOverlap(backfill))).action(runBackfill);
  withProject(named(command, 'delete', 'delete it; its runs stay')).action(deleteSchedule);
}

/** `flags`: of its example. */
function named(command: Command, name: string, summary: string, flags = ''): Command {
  return withExamples(command.command(name).summary(summary), [`schedule ${name} nightly${flags}`]).argument(
    '<name>',
    'name of the schedule',
  );
}

function withNote(command: Command): Command {
  return command.option('--note <text>', 'why');
}

function withOverlap(command: Command): Command {
  return command.option(
    '--overlap <policy>',
    'while another run is under way: skip, buffer-one, buffer-all, cancel-other, terminate-other or allow-all',
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
        : [[`status ${shellWord(last.runId)}`, 'its last run'] as [string, string]]),
      schedule.paused
        ? [`schedule unpause ${shellWord(name)}`, 'let it go on']
        : [`schedule trigger ${shellWord(name)}`, 'a run now'],
      [`schedule backfill ${shellWord(name)} --from DAY --to DAY`, 'runs for days that have passed'],
    ];
    print(`\n${commandLines(commands, suggesting(options), paint)}`);
  });
}

type NoteOptions = ReadingOptions & { note?: string };

async function pause(name: string, options: NoteOptions): Promise<void> {
  await reading(options, ({ schedules }) => schedules.pause(name, options.note));
  const suggest = suggesting(options);
  note(
    `${clean(name)} is paused; runs under way go on. \`${suggest(`schedule unpause ${shellWord(name)}`)}\` lets it go on.`,
  );
}

async function unpause(name: string, options: NoteOptions): Promise<void> {
  await reading(options, ({ schedules }) => schedules.unpause(name, options.note));
  note(`${clean(name)} goes on.`);
}

type OverlapOptions = ReadingOptions & { overlap?: Overlap };

/** Runs are to start, so there is to be a worker. */
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
    if (firing.startedAt === null) aside('It waits until the run under way has ended.');
    const run = shellWord(firing.runId);
    const commands = [
      [`watch ${run}`, 'follow it'],
      [`cancel ${run}`, 'stop it'],
    ] as const;
    if (firing.startedAt !== null) print(commandLines(commands, suggesting(options), paint));
  });
}

async function runBackfill(
  name: string,
  options: OverlapOptions & { from: string; to: string },
): Promise<void> {
  const { from, to, overlap } = options;
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
    if (fresh < firings.length) aside('A time that has a run already gets no other one.');
    note(`${plural(fresh, 'run')} asked for.`);
    const commands = [[`schedule describe ${shellWord(name)}`, 'how they stand']] as const;
    print(`\n${commandLines(commands, suggesting(options), paint)}`);
  });
}

async function deleteSchedule(name: string, options: ReadingOptions): Promise<void> {
  await reading(options, ({ schedules }) => schedules.delete(name));
  note(`${clean(name)} is deleted. Its runs stay: ${suggesting(options)('list')}`);
}
