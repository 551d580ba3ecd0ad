/** Finds the project's host or starts one. */
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { findTemporalBinary } from '../binary/find-binary';
import { fingerprint } from '../build';
import type { OnTemporalEvent } from '../events';
import { connectHost, type HostConnection } from './connection';
import type { HostParameters } from './main';
import { lockFolder } from '../lock';
import { lastWords, logSize, openLog } from '../log-file';
import { TemporalUnavailable } from '../problems';
import { gone } from '../processes';
import type { LoadedTemporalSettings } from '../settings';
import { makeStateFolder, stateFolder, type StateFolder } from '../state-folder';
import type { HostState } from './protocol';
import { differingVariables, environmentDigests, type EnvironmentDigests } from './worker-environment';
import { SERVICES } from '../../warehouse';

/** How the embedded server is started and found. */
export interface EmbeddedOptions {
  projectDir: string;
  settings: LoadedTemporalSettings;
  /** Default: this process's environment. Background processes started by this command inherit it. */
  env?: NodeJS.ProcessEnv;
  onEvent?: OnTemporalEvent;
  signal?: AbortSignal;
  /** Also wait for the worker. Finished runs can be read without one. Default true. */
  needWorker?: boolean;
  /** The worker's script. Default: Partwise's own. */
  workerEntry?: string;
}

const IDLE_MS = 10 * 60_000;
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Environment variables that configure the worker; functions, warehouse and stage come with each run. */
const WORKER_SETTINGS = [
  /^PARTWISE_(RUNNERS|METRICS|TRACES|PYTHON)$/,
  ...SERVICES.flatMap(({ settings }) => settings),
];
/** Number of variables listed in a message. */
const MAX_NAMES = 5;
const DEFAULT_NAMESPACE = 'default';
const DEFAULT_TASK_QUEUE = 'partwise';
/** A host drains its worker before it ends. */
const ENDS_WITHIN_MS = 60_000;

/** Everything that distinguishes one host from another, with defaults filled in. */
export interface HostPlan {
  folder: StateFolder;
  namespace: string;
  taskQueue: string;
  workerEntry: string;
  fingerprint: string;
  env: NodeJS.ProcessEnv;
  /** The environment that the worker is to have; null if the command needs no worker. */
  environment: EnvironmentDigests | null;
}

export function planHost(options: EmbeddedOptions): HostPlan {
  const { settings, env = process.env } = options;
  const namespace = settings.namespace ?? DEFAULT_NAMESPACE;
  const taskQueue = settings.taskQueue ?? DEFAULT_TASK_QUEUE;
  const workerEntry = options.workerEntry ?? join(__dirname, '../../worker/embedded-main.js');
  return {
    folder: stateFolder(options.projectDir),
    namespace,
    taskQueue,
    workerEntry,
    fingerprint: fingerprint([namespace, taskQueue, workerEntry, settings.binary, ...workerSettings(env)]),
    env,
    environment: options.needWorker === false ? null : environmentDigests(env),
  };
}

function workerSettings(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env)
    .flatMap(([name, value]) =>
      WORKER_SETTINGS.some((pattern) => pattern.test(name)) ? [`${name}=${value}`] : [],
    )
    .sort();
}

/**
 * Attaches to the project's host. Starts one if there is none, and replaces one that is outdated and unused.
 */
export async function attachToHost(options: EmbeddedOptions): Promise<HostConnection> {
  const plan = planHost(options);
  makeStateFolder(plan.folder);
  const running = await connectHost(plan.folder, { attach: true });
  if (running !== null && (isCurrent(running, plan) || !isReplaceable(running)))
    return accept(running, plan, options);
  running?.close();

  // Before taking the lock: a download takes minutes, during which other commands should not have to wait.
  const binary = await findTemporalBinary({ ...options, configured: options.settings.binary, env: plan.env });
  const release = await lockFolder(plan.folder.path, plan.folder.lock, options.signal);
  try {
    const meanwhile = await connectHost(plan.folder, { attach: true });
    if (meanwhile !== null) {
      if (isCurrent(meanwhile, plan) || !isReplaceable(meanwhile)) return accept(meanwhile, plan, options);
      await endHost(meanwhile);
      options.onEvent?.({
        type: 'hostReplaced',
        message: `Stopped the background process, ${differenceTo(meanwhile, plan)}.`,
      });
    }
    options.onEvent?.({
      type: 'hostStarting',
      message: 'Starting the Temporal server and the worker of this project …',
    });
    await spawnHost(plan, {
      projectDir: plan.folder.projectDir,
      binary,
      namespace: plan.namespace,
      taskQueue: plan.taskQueue,
      fingerprint: plan.fingerprint,
      workerEntry: plan.workerEntry,
      idleMs: idleTime(plan.env),
    });
    const started = await connectHost(plan.folder, { attach: true });
    if (started !== null) return started;
    throw new TemporalUnavailable(
      `The background process of this project exited right after it started. See its log, "${plan.folder.hostLog}".`,
    );
  } finally {
    await release();
  }
}

/** Asks a host to end and waits until it has. The caller holds the lock. */
export async function endHost(connection: HostConnection): Promise<void> {
  connection.send({ type: 'end' });
  const timer = setTimeout(() => connection.close(), ENDS_WITHIN_MS);
  await connection.closed;
  clearTimeout(timer);
  // Wait for the process to exit, since the caller may remove the folder next. The host may be this very
  // process.
  const { pid } = connection.state;
  if (pid !== process.pid) await gone(pid, ENDS_WITHIN_MS);
}

/** PARTWISE_IDLE_MS is for tests. */
function idleTime(env: NodeJS.ProcessEnv): number {
  const wanted = Number(env['PARTWISE_IDLE_MS']);
  return wanted > 0 ? Math.min(wanted, MAX_TIMER_MS) : IDLE_MS;
}

function isCurrent({ state }: HostConnection, plan: HostPlan): boolean {
  return state.fingerprint === plan.fingerprint && otherVariables(state, plan).length === 0;
}

/** The variables for which the worker has other values than this command. */
function otherVariables({ environment = {} }: HostState, plan: HostPlan): string[] {
  return plan.environment === null ? [] : differingVariables(environment, plan.environment);
}

/** Completes "the background process, …". */
function differenceTo({ state }: HostConnection, plan: HostPlan): string {
  if (state.fingerprint !== plan.fingerprint) return 'which had another build or other settings';
  const names = otherVariables(state, plan);
  const shown = names.slice(0, MAX_NAMES).join(', ');
  return `whose environment was another one (${shown}${names.length > MAX_NAMES ? ', …' : ''})`;
}

/** Whether the host is unused: no run is open, and no other command is attached. */
function isReplaceable({ state }: HostConnection): boolean {
  return !state.foreground && (state.openRuns ?? 0) === 0 && state.attached <= 1;
}

function accept(connection: HostConnection, plan: HostPlan, options: EmbeddedOptions): HostConnection {
  if (!isCurrent(connection, plan)) {
    const then = connection.state.foreground
      ? 'start partwise dev again to use those of this command'
      : 'a later command replaces it once no run is open';
    options.onEvent?.({
      type: 'hostOutdated',
      message: `The worker of this project is in use and keeps running in a process ${differenceTo(connection, plan)}; ${then}.`,
    });
  }
  return connection;
}

async function spawnHost(plan: HostPlan, parameters: HostParameters): Promise<void> {
  const { folder, env } = plan;
  const log = openLog(folder.hostLog);
  const logStart = logSize(folder.hostLog);
  const child = spawn(process.execPath, [join(__dirname, 'main.js')], {
    cwd: folder.projectDir,
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    env: { ...env, PARTWISE_HOST: JSON.stringify(parameters) },
  });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.on('error', reject);
    child.once('exit', () => {
      const words = lastWords(folder.hostLog, logStart);
      reject(new TemporalUnavailable(`The background process of this project cannot start: ${words}`));
    });
  });
  child.disconnect();
  child.unref();
}
