import { constants } from 'node:os';
import { stripVTControlCharacters } from 'node:util';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { withExamples } from '../help';
import { parseDuration } from '../../input/duration';
import type { PartwiseWorker, SdkOptions, WorkerPart, WorkerEvent } from '../../worker';
import { loadProject } from '../connect';
import { withFunctions, withProject, type ProjectFlags } from '../options';
import { outliveReader, aside, note, errorPaint, print, redirectNotes } from '../terminal';
import { noteObject, sdkLogObject, workerLine, type SdkLogEntry } from '../render/worker-events';

interface WorkerOptions extends ProjectFlags {
  functions?: string;
  runners?: number;
  gpus?: 'auto' | number | string[];
  only?: WorkerPart;
  grace?: number;
  metrics?: string;
  traces?: string;
  deployment?: string;
  buildId?: string;
  logFormat: 'text' | 'json';
}

export function define(command: Command): void {
  withExamples(command, ['worker --runners 8 --metrics 9464', 'worker --only units']);
  withFunctions(command)
    .option(
      '--runners <n>',
      'partitions to run at the same time, each in its own process (default: the number of cores)',
      runners,
    )
    .option(
      '--gpus <gpus>',
      'GPUs for functions that need them: auto, how many, or ids such as 0,2 (default: none)',
      gpus,
    )
    .addOption(
      new Option(
        '--only <part>',
        'run only workflows (none of your code), activities (everything else) or units (partitions only); default: everything',
      ).choices(['workflows', 'activities', 'units']),
    )
    .option(
      '--grace <duration>',
      'how long running partitions may take to finish on shutdown before they are handed over (default: 10s)',
      duration,
    )
    .option('--metrics <address>', 'serve Prometheus metrics on a loopback port, or on HOST:PORT')
    .option('--traces <url>', 'send traces to an OpenTelemetry collector (OTLP over HTTP)')
    .option('--deployment <name>', "deployment name for Temporal's worker versioning; requires --build-id")
    .option(
      '--build-id <id>',
      'build id of this worker within the deployment; runs are pinned to their version',
    );
  command.addOption(
    new Option(
      '--log-format <format>',
      'how runs, their ends and failures are logged (json: one object per line, to standard output; messages too, to standard error)',
    )
      .choices(['text', 'json'])
      .default('text'),
  );
  withProject(command).action(async (options: WorkerOptions) => {
    // It serves others, whoever reads what it prints.
    outliveReader();
    const asJson = options.logFormat === 'json';
    if (asJson)
      redirectNotes((text, level) => {
        process.stderr.write(noteObject(stripVTControlCharacters(text), level, now()));
      });
    const config = await loadProject(options);
    const sdk = versioning(options);
    const { startWorker }: typeof import('../../worker') = require('../../worker');
    const { only, grace: shutdownGraceMs } = options;
    // For the whole life of this process, which plans runs.
    process.chdir(config.projectDir);
    const onEvent = (event: WorkerEvent): void => {
      if (asJson) print(JSON.stringify({ at: now(), ...event }));
      else note(workerLine(event, now(), errorPaint));
    };
    const onSdkLog = asJson
      ? (entry: SdkLogEntry): void => void process.stderr.write(sdkLogObject(entry, now()))
      : undefined;
    const worker = await startWorker({ config, only, shutdownGraceMs, sdk, onEvent, onSdkLog });
    const names = worker.functions.length === 0 ? 'sql' : worker.functions.join(', ');
    note(
      `Executing ${WORK[only ?? 'all']} from the task queue "${worker.taskQueue}"${only === 'workflows' ? '' : `: ${names}`}.`,
    );
    endOnSignals(worker);
    await worker.ended;
  });
}

const WORK = { all: 'runs', workflows: 'workflows', activities: 'activities', units: 'partitions' };

function now(): string {
  return new Date().toISOString();
}

/** The first signal drains the worker; a second one ends it immediately. */
function endOnSignals(worker: PartwiseWorker): void {
  let asked = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // Runners notice that their worker is gone and exit.
      if (asked) process.exit(128 + constants.signals[signal]);
      asked = true;
      aside('Shutting down: running partitions finish or are handed over … (repeat to stop immediately)');
      worker.shutdown();
    });
  }
}

function versioning({ deployment, buildId }: WorkerOptions): SdkOptions {
  if (deployment === undefined && buildId === undefined) return {};
  if (deployment === undefined || buildId === undefined)
    throw new Error('--deployment and --build-id go together: give both or neither.');
  return {
    workerDeploymentOptions: {
      version: { deploymentName: deployment, buildId },
      useWorkerVersioning: true,
      // Runs are finite: each one ends on the version it started with.
      defaultVersioningBehavior: 'PINNED',
    },
  };
}

function runners(text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text) && Number(text) <= 256) return Number(text);
  throw new InvalidArgumentError('Give a whole number from 1 to 256.');
}

function gpus(text: string): 'auto' | number | string[] {
  if (text === 'auto') return text;
  if (/^[1-9]\d?$/.test(text) && Number(text) <= 64) return Number(text);
  if (/^[\w-]+(,[\w-]+)+$/.test(text)) return text.split(',');
  throw new InvalidArgumentError('Give auto, a number from 1 to 64, or ids such as 0,2.');
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  throw new InvalidArgumentError('Give a duration such as 30s or 15m.');
}
