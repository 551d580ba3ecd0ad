/** What commands run on: the project's configuration, and a connection to its runs. */
import type { ProjectConfig } from '../config';
import type { OnTemporalEvent, Partwise, Project, RunHandle } from '..';
import { CannotDo, ServerMoved } from './exit';
import { runIdOf } from './last-run';
import type { ProjectFlags, RunReadingOptions } from './options';
import { aside } from './terminal';

export async function loadProject(options: ProjectFlags): Promise<ProjectConfig> {
  const { loadConfig }: typeof import('../config') = require('../config');
  return loadConfig({
    ...(options.project !== undefined && { projectDir: options.project }),
    flags: options,
  });
}

export interface ConnectionFlags {
  /** Whether a worker is required, to run partitions. Reading finished runs works without one. */
  needWorker: boolean;
  signal?: AbortSignal;
}

/** An open connection to a project's server. */
export interface OpenPartwise {
  /**
   * Calls `work`. If the server restarts on another port meanwhile, or has done so before, aborts `moved` so
   * that `work` stops waiting, and throws `ServerMoved`: connections no longer reach the server.
   */
  use<T>(work: (partwise: Partwise, moved: AbortSignal) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** `onMessage` gets sentences about the server, such as that it is lost; by default they are printed. */
export async function openPartwise(
  config: ProjectConfig,
  { needWorker, signal, onMessage = aside }: ConnectionFlags & { onMessage?: (message: string) => void },
): Promise<OpenPartwise> {
  const { Partwise }: typeof import('..') = require('..');
  const moving = new AbortController();
  const moved = new Promise<never>((_, reject) => {
    moving.signal.addEventListener('abort', () => reject(moving.signal.reason as Error), { once: true });
  });
  // Between two uses, nobody waits for it.
  moved.catch(() => {});
  const report = troubleReporter(onMessage);
  const onEvent: OnTemporalEvent = (event) => {
    if (event.type === 'serverMoved') moving.abort(new ServerMoved(movedText(event.address)));
    else report(event);
  };
  const partwise = await Partwise.connect({ config, needWorker, signal, onEvent });
  return {
    use: (work) => Promise.race([moved, work(partwise, moving.signal)]),
    // A connection to the old address is left to the end of the process: Temporal's client still retries on
    // it, and would throw if it were closed.
    close: async () => {
      if (!moving.signal.aborted) await partwise.close();
    },
  };
}

/** Connects, calls `use`, and always closes the connection. */
export async function withPartwise<T>(
  config: ProjectConfig,
  flags: ConnectionFlags,
  use: (partwise: Partwise, moved: AbortSignal) => Promise<T>,
): Promise<T> {
  const opened = await openPartwise(config, flags);
  try {
    return await opened.use(use);
  } finally {
    await opened.close();
  }
}

function movedText(address: string): string {
  return (
    `The Temporal server of this project restarted at ${address} while this command was running. ` +
    'Runs continue as long as their history still exists (.partwise/temporal.db). Run the command again.'
  );
}

/**
 * Repeats the work on a new connection whenever the server restarts on another port. While `hasStarted`
 * returns false, repeating it might start something twice, so `ServerMoved` is thrown instead.
 */
export async function followingMoves<T>(
  work: () => Promise<T>,
  hasStarted: () => boolean = () => true,
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ServerMoved) || !hasStarted()) throw error;
      aside('The Temporal server of this project restarted on another port; reconnecting …');
    }
  }
}

/**
 * Does work of this process that resolves relative names, of queries and functions, in the project's folder,
 * as its worker does. Paths in flags are relative to the shell's folder, so they are resolved before.
 */
export async function inProjectFolder<T>({ projectDir }: ProjectConfig, work: () => Promise<T>): Promise<T> {
  const shellFolder = process.cwd();
  process.chdir(projectDir);
  try {
    return await work();
  } finally {
    process.chdir(shellFolder);
  }
}

/** For work without a server: the project is closed whatever happens. */
export async function withoutServer<T>(
  config: ProjectConfig,
  use: (project: Project) => Promise<T>,
): Promise<T> {
  const { Project }: typeof import('..') = require('..');
  const project = await Project.open({ config });
  try {
    return await inProjectFolder(config, () => use(project));
  } finally {
    await project.close();
  }
}

/**
 * Prints events, except that everything is ready or found, unless something was lost or downloaded before.
 */
export function troubleReporter(onMessage: (message: string) => void = aside): OnTemporalEvent {
  let lost = false;
  let fetched = false;
  return ({ type, message }) => {
    if (type === 'binaryFetching') fetched = true;
    if (type === 'binaryFound' && !fetched) return;
    if (type === 'serverLost' || type === 'workerLost' || type === 'hostLost') lost = true;
    if (lost || (type !== 'serverReady' && type !== 'workerReady')) onMessage(message);
  };
}

/** `withPartwise` for commands that only read. */
export async function reading<T>(options: ProjectFlags, use: (partwise: Partwise) => Promise<T>): Promise<T> {
  return withPartwise(await loadProject(options), { needWorker: false }, use);
}

/** `reading` for commands that read one run, from the server or from a history file. */
export async function readingRun<T>(
  runId: string | undefined,
  options: RunReadingOptions,
  use: (handle: RunHandle) => Promise<T>,
): Promise<T> {
  const { history } = options;
  if (history === undefined) {
    if (runId === undefined) throw new CannotDo('Give a run id, or a file with --history.');
    return reading(options, async (partwise) =>
      use(await executionOf(partwise.getRun(await runIdOf(partwise, runId)), options)),
    );
  }
  const { Partwise }: typeof import('..') = require('..');
  const handle = await Partwise.fromHistory(history, { config: await loadProject(options) });
  if (runId !== undefined && runId !== handle.runId)
    throw new CannotDo(`"${history}" contains the run "${handle.runId}", not "${runId}".`);
  return use(await executionOf(handle, options));
}

export async function executionOf(
  handle: RunHandle,
  { execution }: Pick<RunReadingOptions, 'execution'>,
): Promise<RunHandle> {
  if (execution === undefined) return handle;
  const { executions } = await handle.status();
  const found = executions.find((each) => each.execution === execution);
  if (found !== undefined) return handle.execution(found.workflowRunId);
  const numbers = executions.map((each) => each.execution).join(', ');
  throw new CannotDo(
    `The run "${handle.runId}" has no execution ${execution}; its executions are ${numbers}.`,
  );
}
