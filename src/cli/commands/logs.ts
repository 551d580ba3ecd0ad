import { Option, type Command } from 'commander';
import { untilInterrupted } from '../follow';
import { withExamples } from '../help';
import { suggesting, type Suggest } from '../invocation';
import { readingRun } from '../connect';
import { atLeastOne, withJson, withProject, withRun, wholeNumber, type RunReadingOptions } from '../options';
import { CannotDo } from '../exit';
import { toPartitionId } from '../../core/partition-name';
import { framesOf } from '../render/error';
import { logLine } from '../render/logs';
import { failureLine } from '../../display/failure-line';
import { shellWord } from '../../core/shell-word';
import { firstFailures } from '../summary';
import { aside, errorPaint, note, paint, print, printJson, widthOfTerminal } from '../terminal';
import type { LogEntry, LogPageOptions, RunHandle } from '../..';

const MAX_FAILURES = 5;

interface LogsOptions extends RunReadingOptions {
  partition?: string;
  follow?: boolean;
  tail?: number;
  search?: string;
  stream?: 'stdout' | 'stderr';
  attempt?: number;
  before?: number;
  after?: number;
}

export function define(command: Command): void {
  withExamples(command, [
    'logs regional-2024 --partition North',
    'logs regional-2024 --partition North --tail 20',
    'logs regional-2024 --follow',
  ]);
  withRun(command)
    .option('--partition <id>', 'only this partition')
    .option('-f, --follow', 'keep following until the run ends (with --json: one object per line)')
    .addOption(
      paging('--tail <n>', 'with --partition: only the last lines, at most 2,000').argParser(atLeastOne),
    )
    .addOption(paging('--search <text>', 'with --partition: only lines that contain this text'))
    .addOption(paging('--stream <name>', 'with --partition: only this stream').choices(['stdout', 'stderr']))
    .addOption(paging('--attempt <n>', 'with --partition: only this attempt').argParser(atLeastOne))
    .addOption(
      paging('--before <position>', 'with --partition: the page before a position')
        .argParser(wholeNumber)
        .conflicts('after'),
    )
    .addOption(
      paging('--after <position>', 'with --partition: the page after a position').argParser(wholeNumber),
    );
  withJson(withProject(command)).action((runId: string | undefined, options: LogsOptions) =>
    untilInterrupted('Stopped; the run is not affected.', (signal) =>
      readingRun(runId, options, async (handle) => {
        const { follow = false } = options;
        const partition = options.partition === undefined ? undefined : toPartitionId(options.partition);
        const entries = handle.logs({ ...(partition !== undefined && { partition }), follow, signal });
        const page = pageOptions(options);
        if (page !== null) return printPage(handle, partition, page, options);
        if (options.json === true && !follow) return printJson(await collected(entries));
        let lines = 0;
        try {
          for await (const entry of entries) {
            print(options.json === true ? JSON.stringify(entry) : logLine(entry, paint));
            lines++;
          }
        } catch (error) {
          if (!signal.aborted) throw error;
        }
        if (lines === 0) aside('Nothing was printed.');
        if (options.json !== true && !signal.aborted)
          await explainFailures(handle, partition, suggesting(options));
      }),
    ),
  );
}

/** An option of pages, which are not followed. */
function paging(flags: string, summary: string): Option {
  return new Option(flags, summary).conflicts('follow');
}

/** Null if the whole log is asked for. */
function pageOptions({ tail, search, stream, attempt, before, after }: LogsOptions): LogPageOptions | null {
  const given = { limit: tail, search, stream, attempt, before, after };
  return Object.values(given).every((value) => value === undefined) ? null : given;
}

async function printPage(
  handle: RunHandle,
  partition: string | undefined,
  wanted: LogPageOptions,
  options: LogsOptions,
): Promise<void> {
  if (partition === undefined)
    throw new CannotDo(
      'Pages and searches are of the log of one partition: add --partition ID. Without them, partwise logs prints all lines.',
    );
  const page = await handle.partition(partition).logPage(wanted);
  if (options.json === true) return printJson(page);
  for (const line of page.lines) print(logLine(line, paint));
  if (page.lines.length === 0)
    aside(wanted.search === undefined ? 'Nothing was printed.' : 'Nothing was found.');
  const again = `logs ${shellWord(handle.runId)} --partition ${shellWord(partition)}${filters(options)}`;
  const suggest = suggesting(options);
  if (page.previous !== null) aside(`Earlier: ${suggest(`${again} --before ${page.previous}`)}`);
  if (!page.atEnd) aside(`Later: ${suggest(`${again} --after ${page.next}`)}`);
}

function filters({ tail, search, stream, attempt }: LogsOptions): string {
  const given = { tail, search, stream, attempt };
  return Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` --${name} ${shellWord(String(value))}`)
    .join('');
}

/** Errors that functions threw are not in the log, so print them here. */
async function explainFailures(
  handle: RunHandle,
  partition: string | undefined,
  suggest: Suggest,
): Promise<void> {
  const failures =
    partition === undefined
      ? await firstFailures(handle, await handle.status(), MAX_FAILURES)
      : [await handle.partition(partition).describe()].filter(({ error }) => error !== null);
  for (const failure of failures) {
    note(failureLine(failure, widthOfTerminal(process.stderr), errorPaint));
    if (partition === undefined) continue;
    for (const frame of framesOf(failure.error?.stack ?? null)) aside(`    ${frame}`);
    const again = suggest(`debug ${shellWord(handle.runId)} ${shellWord(failure.id)}`);
    aside(`To call it on the same rows locally: ${again}`);
  }
}

async function collected(entries: AsyncIterable<LogEntry>): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  for await (const entry of entries) all.push(entry);
  return all;
}
