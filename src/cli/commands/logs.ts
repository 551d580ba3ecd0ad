import type { Command } from 'commander';
import { untilInterrupted } from '../follow';
import { withExamples } from '../help';
import { suggesting, type Suggest } from '../invocation';
import { readingRun } from '../connect';
import { withJson, withProject, withRun, type RunReadingOptions } from '../options';
import { toPartitionId } from '../../core/partition-name';
import { framesOf } from '../render/error';
import { logLine } from '../render/logs';
import { failureLine } from '../../display/failure-line';
import { shellWord } from '../../core/shell-word';
import { firstFailures } from '../summary';
import { aside, errorPaint, note, paint, print, printJson, widthOfTerminal } from '../terminal';
import type { LogEntry, RunHandle } from '../..';

const MAX_FAILURES = 5;

interface LogsOptions extends RunReadingOptions {
  partition?: string;
  follow?: boolean;
}

export function define(command: Command): void {
  withExamples(command, ['logs regional-2024 --partition North', 'logs regional-2024 --follow']);
  withRun(command)
    .option('--partition <id>', 'only this partition')
    .option('-f, --follow', 'keep following until the run ends (with --json: one object per line)');
  withJson(withProject(command)).action((runId: string | undefined, options: LogsOptions) =>
    untilInterrupted('Stopped; the run is not affected.', (signal) =>
      readingRun(runId, options, async (handle) => {
        const { follow = false } = options;
        const partition = options.partition === undefined ? undefined : toPartitionId(options.partition);
        const entries = handle.logs({ ...(partition !== undefined && { partition }), follow, signal });
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
