import type { Command } from 'commander';
import type { RunHistory } from '../..';
import type { ReplayReport } from '../../worker';
import { CannotDo, ENDED_BADLY, OK } from '../exit';
import { withExamples } from '../help';
import { loadProject, reading, wholeNumber, withJson, withProject, type ReadingOptions } from '../project';
import { clean, plural } from '../render/text';
import { aside, paint, print, printJson } from '../terminal';

interface ReplayOptions extends ReadingOptions {
  history?: string[];
  last?: number;
}

const NOTES = `Runs recorded histories through the workflow code that is installed here, as a worker would that takes the runs over: before a
new release is deployed, it says whether that may be done while runs are under way. Nothing is started and nothing changes.

Exit codes: 0 when all fit, 1 when one does not.`;

export function define(command: Command): void {
  withExamples(
    command,
    ['replay regional-2024', 'replay --last 20', 'replay --history archive.json.gz'],
    NOTES,
  );
  command
    .argument('[run]', 'run id: all of its executions, with their shards, that the server or an archive has')
    .option('--history <file...>', 'archives or exported histories; no server is asked')
    .option('--last <n>', 'the newest so many runs of the server', wholeNumber);
  withJson(withProject(command)).action(replay);
}

async function replay(runId: string | undefined, options: ReplayOptions): Promise<void> {
  const { history = [], last = 0, json = false } = options;
  if (runId === undefined && history.length === 0 && last === 0)
    throw new CannotDo('Name a run, or files with --history, or how many of the newest runs with --last.');
  const { temporal } = await loadProject(options);
  silenceTemporal();
  const { replayRuns }: typeof import('../../worker') = require('../../worker');
  const reports: ReplayReport[] = [];
  const check = async (histories: AsyncIterable<RunHistory>): Promise<void> => {
    for await (const report of replayRuns(histories, { dataConverter: temporal.dataConverter })) {
      reports.push(report);
      if (!json) print(lineOf(report));
    }
  };
  if (history.length > 0) await check(inFiles(history));
  if (runId !== undefined || last > 0) {
    const runs = runId === undefined ? [] : [runId];
    await reading(options, (partwise) => check(partwise.histories({ runs, last })));
  }
  const parted = reports.filter(({ parting }) => parting !== null).length;
  const all = `${reports.length} ${reports.length === 1 ? 'history' : 'histories'}`;
  if (json) printJson({ replayed: reports });
  else
    aside(
      parted === 0
        ? `${all}: this code goes on with all of them.`
        : `${parted} of ${all}: this code cannot go on with them.`,
    );
  process.exitCode = parted === 0 ? OK : ENDED_BADLY;
}

function lineOf({ runId, shard, workflowRunId, events, parting }: ReplayReport): string {
  const name = `${clean(runId)}${shard === null ? '' : `, shard ${shard}`}`;
  const run = `${paint.bold(name)}  ${paint.dim(`${workflowRunId}  ${plural(events, 'event')}`)}`;
  return parting === null
    ? `${paint.green('ok')}     ${run}`
    : `${paint.red('parts')}  ${run}\n       ${clean(parting.message)}`;
}

/** Its runtime tells of each parting on standard error, a page long. */
function silenceTemporal(): void {
  const { DefaultLogger, Runtime }: typeof import('@temporalio/worker') = require('@temporalio/worker');
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => {}),
    shutdownSignals: [],
    telemetryOptions: { logging: { filter: 'ERROR', forward: {} } },
  });
}

async function* inFiles(files: readonly string[]): AsyncGenerator<RunHistory> {
  const { readHistory }: typeof import('../../worker') = require('../../worker');
  for (const file of files) yield await readHistory(file);
}
