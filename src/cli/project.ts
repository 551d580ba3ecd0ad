/** Options that every command has which talks to a project's runs, and the connection they lead to. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { ConfigFlags, ProjectConfig } from '../config';
import type { OnTemporalEvent, Partwise, Places, Project, RunHandle } from '..';
import { CannotDo, ServerMoved } from './exit';
import { GROUP } from './help';
import { aside } from './terminal';

export interface ProjectOptions extends ConfigFlags {
  project?: string;
}

export interface ReadingOptions extends ProjectOptions {
  json?: boolean;
}

/** Of commands that read one run. */
export interface RunReadingOptions extends ReadingOptions {
  history?: string;
  execution?: number;
}

/** The run, and the file that may stand for its server. */
export function withRun(command: Command): Command {
  return withHistory(command.argument('[run]', 'run id (not needed with --history)')).option(
    '--execution <n>',
    'the run as this execution left it: 1 before the first retry (default: the latest)',
    wholeNumber,
  );
}

export function withHistory(command: Command): Command {
  return command.option(
    '--history <file>',
    'read the run from an archive or an exported history; no server is asked',
  );
}

export function withProject(command: Command): Command {
  return command
    .optionsGroup(GROUP.connection)
    .option('--project <dir>', 'folder of the project (default: found from here upwards)')
    .option('--address <host:port>', 'Temporal server (default: one that Partwise starts)')
    .option('--namespace <name>', 'Temporal namespace')
    .option('--profile <name>', "profile in Temporal's configuration file")
    .option('--task-queue <name>', 'task queue of the workers')
    .optionsGroup(GROUP.own);
}

export function withJson(command: Command): Command {
  return command
    .optionsGroup(GROUP.output)
    .option('--json', 'print one JSON document on standard output and nothing else')
    .optionsGroup(GROUP.own);
}

/** `--status`, in any case. */
export function statusOption<Status extends string>(statuses: readonly Status[]): Option {
  return new Option('--status <status>', 'only these').choices(statuses).argParser((text: string) => {
    const status = statuses.find((each) => each === text.toUpperCase());
    if (status !== undefined) return status;
    throw new InvalidArgumentError(`Allowed are ${statuses.join(', ')}.`);
  });
}

/** For options that take a whole number. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
}

export async function loadProject(options: ProjectOptions): Promise<ProjectConfig> {
  const { loadConfig }: typeof import('../config') = require('../config');
  return loadConfig({
    ...(options.project !== undefined && { projectDir: options.project }),
    flags: options,
  });
}

export interface ConnectionFlags {
  /** Whether partitions are to run: finished runs are read without a worker. */
  needWorker: boolean;
  signal?: AbortSignal;
}

/**
 * Connects, calls `use`, and closes whatever happens. Throws `ServerMoved` when the server comes back
 * elsewhere meanwhile; `moved` is aborted then, for what `use` waits for.
 */
export async function withPartwise<T>(
  config: ProjectConfig,
  { needWorker, signal }: ConnectionFlags,
  use: (partwise: Partwise, moved: AbortSignal) => Promise<T>,
): Promise<T> {
  const { Partwise }: typeof import('..') = require('..');
  const moving = new AbortController();
  const moved = new Promise<never>((_, reject) => {
    moving.signal.addEventListener('abort', () => reject(moving.signal.reason as Error), { once: true });
  });
  const tell = tellTroubles();
  const onEvent: OnTemporalEvent = (event) => {
    if (event.type === 'serverMoved') moving.abort(new ServerMoved(movedText(event.address)));
    else tell(event);
  };
  const partwise = await Partwise.connect({ config, needWorker, signal, onEvent });
  try {
    return await Promise.race([use(partwise, moving.signal), moved]);
  } finally {
    // A connection to where the server was goes with the process: Temporal's client still retries on it, and
    // throws once it is closed.
    if (!moving.signal.aborted) await partwise.close();
  }
}

function movedText(address: string): string {
  return (
    `The Temporal server of this project came back at ${address}, in the middle of this command. ` +
    'Runs go on where their history is still there (.partwise/temporal.db). Run the command again.'
  );
}

/**
 * Does the work again, with another connection, whenever the server comes back elsewhere. `hasStarted` is
 * false as long as doing it again might start something twice: then `ServerMoved` is thrown.
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
      aside('The Temporal server of this project came back on another port; following it there …');
    }
  }
}

/** How warehouses and stages are named. */
export function places(): Places {
  const { Project }: typeof import('..') = require('..');
  return Project.places();
}

/** For work without a server: the project is closed whatever happens. */
export async function withoutServer<T>(
  config: ProjectConfig,
  use: (project: Project) => Promise<T>,
): Promise<T> {
  const { Project }: typeof import('..') = require('..');
  const project = await Project.open({ config });
  try {
    return await use(project);
  } finally {
    await project.close();
  }
}

/** That all is well goes without saying, unless something was lost or fetched before. */
function tellTroubles(): OnTemporalEvent {
  let lost = false;
  let fetched = false;
  return ({ type, message }) => {
    if (type === 'binaryFetching') fetched = true;
    if (type === 'binaryFound' && !fetched) return;
    if (type === 'serverLost' || type === 'workerLost' || type === 'hostLost') lost = true;
    if (lost || (type !== 'serverReady' && type !== 'workerReady')) aside(message);
  };
}

/** The same for commands that read. */
export async function reading<T>(
  options: ProjectOptions,
  use: (partwise: Partwise) => Promise<T>,
): Promise<T> {
  return withPartwise(await loadProject(options), { needWorker: false }, use);
}

/** The same for commands that read one run, which a file may hold. */
export async function readingRun<T>(
  runId: string | undefined,
  options: RunReadingOptions,
  use: (handle: RunHandle) => Promise<T>,
): Promise<T> {
  const { history } = options;
  if (history === undefined) {
    if (runId === undefined) throw new CannotDo('Name a run, or a file with --history.');
    return reading(options, async (partwise) => use(await executionOf(partwise.getRun(runId), options)));
  }
  const { Partwise }: typeof import('..') = require('..');
  const handle = await Partwise.fromHistory(history, { config: await loadProject(options) });
  if (runId !== undefined && runId !== handle.runId)
    throw new CannotDo(`"${history}" is of the run "${handle.runId}", not of "${runId}".`);
  return use(await executionOf(handle, options));
}

async function executionOf(handle: RunHandle, { execution }: RunReadingOptions): Promise<RunHandle> {
  if (execution === undefined) return handle;
  const { executions } = await handle.status();
  const found = executions.find((each) => each.execution === execution);
  if (found !== undefined) return handle.execution(found.workflowRunId);
  const numbers = executions.map((each) => each.execution).join(', ');
  throw new CannotDo(`The run "${handle.runId}" has no execution ${execution}; it has ${numbers}.`);
}
