import type { Command } from 'commander';
import type { RunHistory } from '../..';
import type { ReplayReport } from '../../worker';
import { CannotDo, ENDED_BADLY, OK } from '../exit';
import { withExamples } from '../help';
import { loadProject, reading } from '../connect';
import { wholeNumber, withJson, withProject, type ReadingOptions } from '../options';
import { RUN_ID, runIdOf } from '../last-run';
import { clean, plural } from '../../display/text';
import { aside, paint, print, printJson } from '../terminal';

interface ReplayOptions extends ReadingOptions {
  history?: string[];
  last?: number;
}

const NOTES = `Replays recorded histories with the installed workflow code, as a worker would when it takes over a
run. Use it before deploying a new release, to check that runs in progress can continue on it.
Nothing is started or changed.

Exit codes: 0 all histories replay; 1 at least one does not.`;

export function define(command: Command): void {
  withExamples(
    command,
    ['replay regional-2024', 'replay --last 20', 'replay --history archive.json.gz'],
    NOTES,
  );
  command
    .argument(
      '[run]',
      `${RUN_ID}; replays all its executions and their shards that the server or an archive has`,
    )
    .option('--history <file...>', 'archives or exported histories; does not connect to a server')
    .option('--last <n>', 'replay the newest n runs on the server', wholeNumber);
  withJson(withProject(command)).action(replay);
}

async function replay(runId: string | undefined, options: ReplayOptions): Promise<void> {
  const { history = [], last = 0, json = false } = options;
  if (runId === undefined && history.length === 0 && last === 0)
    throw new CannotDo('Give a run id, files with --history, or a number of recent runs with --last.');
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
    await reading(options, async (partwise) => {
      const runs = runId === undefined ? [] : [await runIdOf(partwise, runId)];
      await check(partwise.histories({ runs, last }));
    });
  }
  const diverged = reports.filter(({ divergence }) => divergence !== null).length;
  const all = `${reports.length} ${reports.length === 1 ? 'history' : 'histories'}`;
  if (json) printJson({ replayed: reports });
  else
    aside(
      diverged === 0
        ? `${all} checked: no divergence from this code.`
        : `${diverged} of ${all} checked: this code cannot continue these runs.`,
    );
  process.exitCode = diverged === 0 ? OK : ENDED_BADLY;
}

function lineOf({ runId, shard, workflowRunId, events, divergence }: ReplayReport): string {
  const name = `${clean(runId)}${shard === null ? '' : `, shard ${shard}`}`;
  const run = `${paint.bold(name)}  ${paint.dim(`${workflowRunId}  ${plural(events, 'event')}`)}`;
  return divergence === null
    ? `${paint.green('ok')}     ${run}`
    : `${paint.red('fails')}  ${run}\n       ${clean(divergence.message)}`;
}

/** Temporal's runtime logs each divergence to standard error, a page long. */
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
