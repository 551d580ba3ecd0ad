import { readdir, rm } from 'node:fs/promises';
import { availableParallelism, hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from '@temporalio/client';
import {
  NativeConnection,
  Worker,
  type NativeConnectionOptions,
  type WorkerOptions,
} from '@temporalio/worker';
import { createActivities } from '../activities';
import { unitQueueOf } from '../core/units/cut-units';
import { FunctionCatalog } from '../planning/function-catalog';
import type { StartGate } from '../planning/run-trust';
import { loadConfig, type ProjectConfig } from '../config';
import { RunnerPool } from '../runners/pool';
import { UnitSlots } from '../runners/unit-slots';
import { resolveTemporal } from '../temporal/connection';
import { WorkerMetrics } from '../activities/metrics';
import { installRuntime } from './runtime';
import type { Tracing } from './traces';
import { isAlive } from '../temporal/processes';
import { makePrivate } from '../temporal/state-folder';
import { endEarlierRuns, guardWorker } from './guard-worker';
import { sealing } from '../trust/seal-codec';

export interface StartWorkerOptions {
  /** Folder of the project, whose `partwise.config.*` is read. Default: the working directory. */
  projectDir?: string;
  /** A configuration already loaded; wins over `projectDir`. @internal */
  config?: ProjectConfig;
  /** The server; default: what configuration and environment name. */
  server?: { connectionOptions: NativeConnectionOptions; namespace: string; taskQueue: string };
  /**
   * What this worker does. `'workflows'`: the workflows of runs, and none of your code. `'activities'`:
   * planning, partitions and commits. `'units'`: partitions alone, for machines that see the stage and
   * neither the warehouse nor source files. Default: everything.
   */
  only?: WorkerPart;
  /**
   * Options of Temporal's own SDK, handed on as they are: pollers, the version of a deployment, the cache of
   * workflows.
   */
  sdk?: SdkOptions;
  /**
   * Read configuration and functions anew for each run. Default false: both are read once, at start. For
   * development only: without a `gate`, whoever may start workflows in the namespace is then trusted like the
   * owner of the project.
   * @internal
   */
  reloads?: boolean;
  /**
   * For the embedded server's worker: who may start runs. Default: whoever may start workflows in the
   * namespace. @internal
   */
  gate?: StartGate;
  /**
   * What runs when the worker is told to stop has this long to end before it is handed over, in milliseconds.
   * Default 10,000.
   */
  shutdownGraceMs?: number;
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
  /** Functions that it has. */
  readonly functions: string[];
  /** A client on the worker's own connection. */
  readonly client: Client;
  /** Stops taking work; what runs is finished within the grace time or handed to another worker. */
  shutdown(): void;
  /** Settles when the worker has ended: rejects when it ended by a fatal error. */
  readonly ended: Promise<void>;
}

const SHUTDOWN_GRACE_MS = 10_000;
/** Slots for tasks of kinds that a worker for units has none of. */
const UNUSED = { type: 'fixed-size', numSlots: 1 } as const;
/** Planning and committing beside units. */
const CONTROL_SLOTS = 8;

/**
 * Starts a worker: it polls the task queue for runs, planning and commits, and a queue of its own kind for
 * units, with as many slots as runners, so that a long partition never keeps another run from being planned.
 * Any number of them, on any number of machines, share the load of one task queue.
 *
 * @throws when the server cannot be reached or the configuration is not valid.
 */
export async function startWorker(options: StartWorkerOptions = {}): Promise<PartwiseWorker> {
  const project = options.config ?? (await loadConfig({ projectDir: options.projectDir ?? process.cwd() }));
  const server = options.server ?? namedServer(project);
  const { namespace, taskQueue } = server;
  const { only = null } = options;
  const metrics = WorkerMetrics.of(installRuntime(project.worker.metrics ?? null));
  const connection = await NativeConnection.connect(server.connectionOptions);
  const { dataConverter } = project.temporal;
  const { gate = null } = options;
  const reading = gate === null ? dataConverter : sealing(dataConverter, gate).dataConverter;
  const client = new Client({ connection, namespace, dataConverter: reading });
  const guard = gate === null ? null : guardWorker(gate.secret, client, dataConverter);
  if (gate !== null) await endEarlierRuns(client, gate.secret);
  const runners = project.worker.runners ?? availableParallelism();
  const identity = `${process.pid}@${hostname()}`;
  const scratch = join(project.projectDir, '.partwise', 'scratch', identity);
  // It holds rows and code.
  makePrivate(join(project.projectDir, '.partwise'));
  await removeAbandoned(dirname(scratch));
  const { passEnv } = project.worker;
  const pool = new RunnerPool({
    size: runners,
    folder: scratch,
    passEnv,
    onReplaced: (reason) => metrics?.runnerReplaced(reason),
  });
  const slots = new UnitSlots(runners);
  const functions = new FunctionCatalog({
    file: project.functions,
    folder: join(project.projectDir, '.partwise', 'functions'),
    reloads: options.reloads ?? false,
    passEnv,
  });
  // A deployed worker whose functions do not load must not take work.
  const bundle = options.reloads || only === 'workflows' ? null : await functions.current();
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
  });
  const { processUnit, ...onControlQueue } = activities;
  const hasWorkflows = only === null || only === 'workflows';
  const tracing = await tracingOf(project, hasWorkflows);
  const common = {
    ...options.sdk,
    plugins: tracing?.options.plugins,
    connection,
    namespace,
    identity,
    dataConverter: guard?.dataConverter ?? dataConverter,
    ...(guard !== null && { interceptors: { activity: [guard.activities] } }),
    shutdownGraceTime: options.shutdownGraceMs ?? SHUTDOWN_GRACE_MS,
    // Heartbeats carry what the next attempt must know; Temporal's default would hold them for 0.8 × the
    // time-out.
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
      // It has none, and this may not stand beside a tuner.
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
    try {
      const running = workers.map((worker) => worker.run());
      // One that ends takes the other with it.
      for (const run of running) run.then(shutdown, shutdown);
      // All have ended before anything is closed under them; the first reason is the one to tell.
      const ends = await Promise.allSettled(running);
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    } finally {
      await pool.close();
      await connection.close();
      await tracing?.close();
      await rm(scratch, { recursive: true, force: true });
    }
  })();
  ended.catch(() => {});
  return { taskQueue, functions: bundle?.functions.map(({ name }) => name) ?? [], client, shutdown, ended };
}

async function tracingOf(
  { worker: { traces } }: ProjectConfig,
  hasWorkflows: boolean,
): Promise<Tracing | null> {
  if (traces === undefined) return null;
  const { startTracing } = await import('./traces.js');
  return startTracing(traces, { hasWorkflows });
}

/** Scratch folders of workers of this machine that were killed. */
async function removeAbandoned(folder: string): Promise<void> {
  const names = await readdir(folder).catch((): string[] => []);
  for (const name of names) {
    const [pid, host] = name.split('@');
    if (host !== hostname() || isAlive(Number(pid))) continue;
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

function namedServer(project: ProjectConfig): NonNullable<StartWorkerOptions['server']> {
  const target = resolveTemporal(project.temporal, process.env);
  if (target.kind === 'named') return target;
  throw new Error(
    'A worker needs a Temporal server to work for: set TEMPORAL_ADDRESS, name one with --address or a profile with --profile, ' +
      'or use `partwise dev`, which brings its own.',
  );
}
