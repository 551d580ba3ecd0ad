/** The worker process of a host. */
import { fork } from 'node:child_process';
import { closeSync } from 'node:fs';
import { lastWords, logSize, openLog } from '../log-file';
import type { StateFolder } from '../state-folder';
import { CannotStart, type Running } from './supervisor';
import type { HostMessage, WorkerEnvironment, WorkerMessage } from './worker-protocol';

/** Time for running partitions to finish or be handed back. */
const DRAINS_WITHIN_MS = 30_000;

export interface WorkerOptions {
  folder: StateFolder;
  entry: string;
  environment: WorkerEnvironment;
  env: NodeJS.ProcessEnv;
  isServerUp: () => boolean;
  /** Receives the number of open runs. */
  onOpenRuns: (runs: number) => void;
}

export interface RunningWorker extends Running {
  readonly pid: number | null;
  /** Tells it the address of the server, which is ready. */
  serve(address: string): void;
  /** Ends it immediately. */
  kill(): void;
}

export function startWorker(options: WorkerOptions): RunningWorker {
  const { folder, entry, environment, env } = options;
  const log = openLog(folder.workerLog);
  const logStart = logSize(folder.workerLog);
  const child = fork(entry, [], {
    // In its own process group: Ctrl-C in a terminal reaches the host, which asks the worker to drain.
    detached: true,
    cwd: folder.projectDir,
    execArgv: [],
    stdio: ['ignore', log, log, 'ipc'],
    env: { ...env, PARTWISE_WORKER: JSON.stringify(environment) },
  });
  closeSync(log);

  let refusal: string | null = null;
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(`the worker cannot be run: ${error.message}`));
    child.once('exit', (code, signal) => resolve(`the worker exited (${signal ?? `code ${code}`})`));
  });
  const polls = new Promise<void>((resolve) => {
    child.on('message', (message: WorkerMessage) => {
      if (message.type === 'ready') resolve();
      else if (message.type === 'open') options.onOpenRuns(message.runs);
      else if (message.type === 'failed') refusal = message.message;
    });
  });
  const failed = ended.then((reason): never => {
    // A worker also fails if it loses its server during start-up; that is worth a retry.
    if (refusal !== null) throw options.isServerUp() ? new CannotStart(refusal) : new Error(refusal);
    const reasonInLog = lastWords(folder.workerLog, logStart);
    throw new Error(reasonInLog === '' ? reason : `${reason}: ${reasonInLog}`);
  });
  failed.catch(() => {});
  const ready = Promise.race([polls, failed]);
  ready.catch(() => {});
  const send = (message: HostMessage): void => {
    if (child.connected) child.send(message, () => {});
  };
  return {
    pid: child.pid ?? null,
    ready,
    ended,
    serve: (address) => send({ type: 'serve', address }),
    kill: () => void child.kill('SIGKILL'),
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      send({ type: 'drain' });
      const force = setTimeout(() => child.kill('SIGKILL'), DRAINS_WITHIN_MS);
      await ended;
      clearTimeout(force);
    },
  };
}
