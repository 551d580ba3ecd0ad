import type { Command } from 'commander';
import { untilInterrupted } from '../follow';
import { toPartitionId } from '../partition-argument';
import { reading, withJson, withProject, type ReadingOptions } from '../project';
import { logLine } from '../render/logs';
import { aside, paint, print, printJson } from '../terminal';
import type { LogEntry } from '../../client/types';

interface LogsOptions extends ReadingOptions {
  partition?: string;
  follow?: boolean;
}

export function define(command: Command): void {
  command
    .argument('<run>', 'run id')
    .option('--partition <id>', 'only this partition')
    .option('-f, --follow', 'go on until the run ends (with --json: one object per line)');
  withJson(withProject(command)).action((runId: string, options: LogsOptions) =>
    untilInterrupted('Stopped; runs are not touched by it.', (signal) =>
      reading(options, async (partwise) => {
        const { follow = false } = options;
        const partition = options.partition === undefined ? undefined : toPartitionId(options.partition);
        const entries = partwise
          .restore(runId)
          .logs({ ...(partition !== undefined && { partition }), follow, signal });
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
      }),
    ),
  );
}

async function collected(entries: AsyncIterable<LogEntry>): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  for await (const entry of entries) all.push(entry);
  return all;
}
