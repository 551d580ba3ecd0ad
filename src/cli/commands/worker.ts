import { constants } from 'node:os';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { withExamples } from '../help';
import { parseDuration } from '../../input/duration';
import type { PartwiseWorker, SdkOptions, WorkerPart } from '../../worker';
import { loadProject, withProject, type ProjectOptions } from '../project';
import { aside, note } from '../terminal';

interface WorkerOptions extends ProjectOptions {
  functions?: string;
  runners?: number;
  only?: WorkerPart;
  grace?: number;
  metrics?: string;
  traces?: string;
  deployment?: string;
  buildId?: string;
}

export function define(command: Command): void {
  withExamples(command, ['worker --runners 8 --metrics 9464', 'worker --only units']);
  command
    .option('--functions <file>', 'the file that exports the functions')
    .option(
      '--runners <n>',
      'partitions that run at once, each in a process of its own (default: the cores)',
      runners,
    )
    .addOption(
      new Option(
        '--only <part>',
        'workflows (none of your code), activities (all the rest), or units (partitions alone; default: everything)',
      ).choices(['workflows', 'activities', 'units']),
    )
    .option(
      '--grace <duration>',
      'time that partitions have to end once the worker is told to (default: 10s); then they are handed over',
      duration,
    )
    .option('--metrics <address>', 'serve metrics to Prometheus: a loopback port, or HOST:PORT')
    .option('--traces <url>', 'send spans to a collector, as OTLP over HTTP')
    .option('--deployment <name>', "name of a deployment of Temporal's worker versioning, with --build-id")
    .option('--build-id <id>', 'version of the deployment that this worker is; runs stay on theirs');
  withProject(command).action(async (options: WorkerOptions) => {
    const config = await loadProject(options);
    const sdk = versioning(options);
    const { startWorker }: typeof import('../../worker') = require('../../worker');
    const { only, grace: shutdownGraceMs } = options;
    const worker = await startWorker({ config, only, shutdownGraceMs, sdk });
    const names = worker.functions.length === 0 ? 'sql' : worker.functions.join(', ');
    note(
      `Executing ${WORK[only ?? 'all']} of the task queue "${worker.taskQueue}"${only === 'workflows' ? '' : `: ${names}`}.`,
    );
    endOnSignals(worker);
    await worker.ended;
  });
}

const WORK = { all: 'runs', workflows: 'workflows', activities: 'activities', units: 'partitions' };

/** The first signal drains, the next one ends at once. */
function endOnSignals(worker: PartwiseWorker): void {
  let asked = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // Runners see that their worker is gone, and end.
      if (asked) process.exit(128 + constants.signals[signal]);
      asked = true;
      aside('Ending: what runs is finished or handed over … (once more: at once)');
      worker.shutdown();
    });
  }
}

function versioning({ deployment, buildId }: WorkerOptions): SdkOptions {
  if (deployment === undefined && buildId === undefined) return {};
  if (deployment === undefined || buildId === undefined)
    throw new Error('Give --deployment and --build-id together, or neither.');
  return {
    workerDeploymentOptions: {
      version: { deploymentName: deployment, buildId },
      useWorkerVersioning: true,
      // A run is finite: it ends on the version that it began with.
      defaultVersioningBehavior: 'PINNED',
    },
  };
}

function runners(text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text) && Number(text) <= 256) return Number(text);
  throw new InvalidArgumentError('Give a whole number from 1 to 256.');
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  throw new InvalidArgumentError('Give a duration such as 30s or 15m.');
}
