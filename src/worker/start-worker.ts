import { mkdir, readdir, rm } from 'node:fs/promises';
import { availableParallelism, hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import {
  NativeConnection,
  TransportError,
  Worker,
  type Logger,
  type NativeConnectionOptions,
  type WorkerOptions,
} from '@temporalio/worker';
import { createActivities } from '../activities';
import { unitQueueOf } from '../core/units/cut-units';
import { FunctionCatalog } from '../planning/function-catalog';
import type { StartGate } from '../planning/run-trust';
import { loadConfig, type ProjectConfig } from '../config';
import { gpusOf } from '../runners/gpus';
import { RunnerPool } from '../runners/pool';
import { UnitSlots } from '../runners/unit-slots';
import { connectTemporal, resolveTemporal } from '../temporal/connection';
import { WorkerMetrics } from '../activities/metrics';
import type { OnWorkerEvent } from '../activities/worker-events';
import { installRuntime, type OnSdkLog } from './runtime';
import type { Tracing } from './traces';
import { isAlive } from '../files/is-alive';
import { makePrivate } from '../temporal/state-folder';
import { endEarlierRuns, guardWorker } from './guard-worker';
import { forWorkflows } from '../trust/encryption-codec';
import { sealing } from '../trust/seal-codec';

export interface StartWorkerOptions {
  /** Project folder, which contains `partwise.config.*`. Default: the working directory. */
  projectDir?: string;
  /** A configuration that is already loaded; overrides `projectDir`. @internal */
  config?: ProjectConfig;
  /**
   * The server, or a promise of it: until it is there, the worker loads the configuration and the functions.
   * Default: the one named by the configuration or the environment.
   */
  server?: WorkerServer | Promise<WorkerServer>;
  /**
   * What this worker executes. `'workflows'`: the workflows of runs, and none of your code. `'activities'`:
   * planning, partitions and commits. `'units'`: only partitions, for machines that can reach the stage but
   * not the warehouse or the source files. Default: everything.
   */
  only?: WorkerPart;
  /**
   * Options passed on to Temporal's SDK: pollers, the deployment version, the workflow cache.
   */
  sdk?: SdkOptions;
  /**
   * Reload the configuration and functions for each run. Default false: both are read once, at the start. For
   * development only: without a `gate`, anyone who may start workflows in the namespace is then trusted like
   * the owner of the project.
   * @internal
   */
  reloads?: boolean;
  /**
   * For the embedded server's worker: who may start runs. Default: anyone who may start workflows in the
   * namespace. @internal
   */
  gate?: StartGate;
  /**
   * How long running partitions may take to finish on shutdown before they are handed over, in milliseconds.
   * Default 10,000.
   */
  shutdownGraceMs?: number;
  /** Receives the starts, ends and failed partitions of the runs that this worker works on. */
  onEvent?: OnWorkerEvent;
  /**
   * Receives warnings and errors of Temporal's SDK. Default: they are printed to standard error. A program
   * can also install Temporal's `Runtime` with its own logger. @internal
   */
  onSdkLog?: OnSdkLog;
}

/** A Temporal server, and where a worker takes its work from. */
export interface WorkerServer {
  connectionOptions: NativeConnectionOptions;
  namespace: string;
  taskQueue: string;
}

export type WorkerPart = 'workflows' | 'activities' | 'units';

export type SdkOptions = Pick<
  WorkerOptions,
  | 'workflowTaskPollerBehavior'
  | 'activityTaskPollerBehavior'
  | 'workerDeploymentOptions'
  | 'maxCachedWorkflows'
  | 'maxConcurrentWorkflowTaskExecutions'
>;

export interface PartwiseWorker {
  readonly taskQueue: string;
  /** Names of its functions. */
  readonly functions: string[];
  /** A client on the worker's own connection. */
  readonly client: Client;
  /**
   * Stops taking work. Running partitions finish within the grace period or are handed over to another
   * worker.
   */
  shutdown(): void;
  /** Resolves when the worker has ended; rejects if a fatal error ended it. */
  readonly ended: Promise<void>;
}

const SHUTDOWN_GRACE_MS = 10_000;
/** What a worker that failed needs to close after that. */
const CLOSE_MS = 5_000;
/** Slots for task types that a worker for units does not handle. */
const UNUSED = { type: 'fixed-size', numSlots: 1 } as const;
/** Slots for planning and committing, in addition to units. */
const CONTROL_SLOTS = 8;

/**
 * Starts a worker. It polls the task queue for runs, planning and commits, and a separate queue for units
 * with as many slots as runners, so that a long partition never delays the planning of another run. Any
 * number of workers, on any number of machines, can share one task queue.
 *
 * @throws when the server cannot be reached or the configuration is not valid.
 */
export async function startWorker(options: StartWorkerOptions = {}): Promise<PartwiseWorker> {
  const project = options.config ?? (await loadConfig({ projectDir: options.projectDir ?? process.cwd() }));
  const { only = null, shutdownGraceMs = SHUTDOWN_GRACE_MS } = options;
  // It contains rows and code.
  makePrivate(join(project.projectDir, '.partwise'));
  const { passEnv } = project.worker;
  const functions = new FunctionCatalog({
    files: project.functions,
    folder: join(project.projectDir, '.partwise', 'functions'),
    reloads: options.reloads ?? false,
    passEnv,
    cwd: project.projectDir,
    python: project.python ?? undefined,
  });
  // The first run most likely needs them, and says what is wrong with them (bench/RESULTS.md, small).
  if (options.reloads === true) void functions.names().catch(() => {});
  const server = await (options.server ?? namedServer(project));
  const { namespace, taskQueue } = server;
  const runtime = installRuntime(project.worker.metrics ?? null, options.onSdkLog ?? null);
  const metrics = WorkerMetrics.of(runtime.metricMeter);
  const connection = await NativeConnection.connect(server.connectionOptions);
  await project.temporal.keys?.check();
  const dataConverter = forWorkflows(project.temporal.dataConverter);
  const { gate = null } = options;
  const reading = gate === null ? dataConverter : sealing(dataConverter, gate).dataConverter;
  const client = new Client({ connection, namespace, dataConverter: reading });
  const guard = gate === null ? null : guardWorker(gate.secret, client, dataConverter);
  if (gate !== null) await endEarlierRuns(client, gate.secret);
  const runners = project.worker.runners ?? availableParallelism();
  const identity = `${process.pid}@${hostname()}`;
  const scratch = join(project.projectDir, '.partwise', 'scratch', identity);
  await removeAbandoned(dirname(scratch));
  // Units make it again if that fails now, on a full disk; a worker for workflows needs none.
  await mkdir(scratch, { recursive: true }).catch(() => undefined);
  const pool = new RunnerPool({
    size: runners,
    folder: scratch,
    passEnv,
    cwd: project.projectDir,
    gpus: gpusOf(project.worker.gpus),
    onReplaced: (reason) => metrics?.runnerReplaced(reason),
  });
  const slots = new UnitSlots(runners);
  // A deployed worker must not take work if its functions do not load.
  const names = options.reloads || only === 'workflows' ? [] : await functions.names();
  const unitTaskQueue = unitQueueOf(taskQueue);
  const stopping = new AbortController();
  const { projectDir } = project;
  const currentProject = options.reloads ? () => loadConfig({ projectDir }) : () => Promise.resolve(project);
  const activities = createActivities({
    projectDir,
    project: currentProject,
    pool,
    slots,
    functions,
    gate,
    identity,
    scratch,
    unitTaskQueue,
    stopping: stopping.signal,
    metrics,
    onEvent: options.onEvent ?? (() => {}),
  });
  const { processUnit, ...onControlQueue } = activities;
  const hasWorkflows = only === null || only === 'workflows';
  const tracing = await tracingOf(project, hasWorkflows, runtime.logger);
  const common = {
    ...options.sdk,
    plugins: tracing?.options.plugins,
    connection,
    namespace,
    identity,
    dataConverter: guard?.dataConverter ?? dataConverter,
    ...(guard !== null && { interceptors: { activity: [guard.activities] } }),
    shutdownGraceTime: shutdownGraceMs,
    // Heartbeats carry state for the next attempt; Temporal's default would delay them for 0.8 × the
    // timeout.
    maxHeartbeatThrottleInterval: '1s',
    defaultHeartbeatThrottleInterval: '1s',
  } as const;
  const createControl = (): Promise<Worker> =>
    Worker.create({
      ...common,
      taskQueue,
      ...(hasWorkflows && {
        workflowBundle: tracing?.options.workflowBundle ?? {
          codePath: join(__dirname, '..', 'workflow-bundle.js'),
        },
      }),
      ...(only !== 'workflows' && { activities: onControlQueue }),
      maxConcurrentActivityTaskExecutions: CONTROL_SLOTS,
    });
  const createUnits = (): Promise<Worker> =>
    Worker.create({
      ...common,
      taskQueue: unitTaskQueue,
      activities: { processUnit },
      // It has no workflows, and this option cannot be combined with a tuner.
      maxConcurrentWorkflowTaskExecutions: undefined,
      tuner: {
        activityTaskSlotSupplier: slots,
        workflowTaskSlotSupplier: UNUSED,
        localActivityTaskSlotSupplier: UNUSED,
        nexusTaskSlotSupplier: UNUSED,
      },
    });
  const workers = await Promise.all([
    ...(only === 'units' ? [] : [createControl()]),
    ...(only === 'workflows' ? [] : [createUnits()]),
  ]);
  const shutdown = (): void => {
    stopping.abort();
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const ended = (async () => {
    const failures: unknown[] = [];
    try {
      const running = workers.map((worker) => worker.run());
      const failing = new Promise<void>((resolve) => {
        for (const run of running)
          run.then(shutdown, (reason: unknown) => {
            failures.push(reason);
            shutdown();
            resolve();
          });
      });
      // When one ends, shut the other one down, and wait for it before closing what both use. The other may
      // fail for that reason alone, or never end if the server refuses both.
      const over = new AbortController();
      const tooLong = failing
        .then(() => sleep(shutdownGraceMs + CLOSE_MS, undefined, { signal: over.signal }))
        .catch(() => undefined);
      await Promise.race([Promise.allSettled(running), tooLong]);
      over.abort();
      if (failures.length > 0) throw endOf(failures[0], server);
    } finally {
      await pool.close();
      // Of a worker that failed, it may still be in use: an error about that would hide the reason.
      await connection.close().catch((error: unknown) => {
        if (failures.length === 0) throw error;
      });
      await tracing?.close();
      await rm(scratch, { recursive: true, force: true });
    }
  })();
  ended.catch(() => {});
  return { taskQueue, functions: names, client, shutdown, ended };
}

/** A request of the worker that the server refuses, for example because its API key may only read. */
function endOf(reason: unknown, { namespace, connectionOptions }: WorkerServer): unknown {
  const advice = `its API key or certificate must be valid, and allowed to write to the namespace "${namespace}"`;
  const at = `The Temporal server at "${connectionOptions.address}"`;
  if (reason instanceof TransportError)
    return new Error(`${at} refuses the worker (${reason.message}): ${advice}.`, { cause: reason });
  // SDK 1.24 hides the error that ended a worker behind one about its own shutdown.
  if (reason instanceof Error && reason.message.startsWith('Worker still in use'))
    return new Error(
      `The worker was ended by the error that is logged above as "Worker failed". If ${at.replace('The', 'the')} refuses it, ${advice}.`,
      { cause: reason },
    );
  return reason;
}

async function tracingOf(
  { worker: { traces } }: ProjectConfig,
  hasWorkflows: boolean,
  logger: Logger,
): Promise<Tracing | null> {
  if (traces === undefined) return null;
  const { startTracing } = await import('./traces.js');
  return startTracing(traces, { hasWorkflows, logger });
}

/** Removes scratch folders of killed workers on this machine. */
async function removeAbandoned(folder: string): Promise<void> {
  const names = await readdir(folder).catch((): string[] => []);
  for (const name of names) {
    const [pid, host] = name.split('@');
    if (host !== hostname() || isAlive(Number(pid))) continue;
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function namedServer({ temporal, projectDir }: ProjectConfig): Promise<WorkerServer> {
  const target = resolveTemporal(temporal, process.env);
  if (target.kind === 'named') {
    // As commands do: errors of the native connection name neither files nor settings.
    const session = await connectTemporal({ projectDir, settings: temporal, env: process.env });
    await session.close();
    return target;
  }
  throw new Error(
    'A worker needs a Temporal server: set TEMPORAL_ADDRESS, or use --address or --profile, ' +
      'or run `partwise dev`, which starts its own server.',
  );
}
