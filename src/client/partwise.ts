import type { Client } from '@temporalio/client';
import type { ProjectConfig } from '../config';
import { Project } from './project';
import { refusing } from './refusing';
import type { ModelRegistry } from './registry/registry';
import type { RunInput } from '../core/input';
import type { OnTemporalEvent } from '../temporal/events';
import type { Schedules } from './schedules/types';
import type { CleanOptions, CleanReport } from './clean/types';
import type { HistoriesOptions, RunHistory } from '../reader/histories/histories';
import type { DebugOptions, DebugReport, PlanPreview, TryOptions, TryReport } from './trial/types';
import type { RunList } from '../reader/list';
import type { ListOptions, RunHandle, RunPage } from '../reader/types';

/** Where to find the server and the project. */
export interface ConnectOptions {
  /** Folder of the project. Default: that of the nearest configuration file, else the working directory. */
  projectDir?: string;
  /** Configuration that was loaded before; `projectDir` is ignored then. @internal */
  config?: ProjectConfig;
  /** Whether the embedded server's worker must be up; runs can be read without one. Default true. */
  needWorker?: boolean;
  /** Told what is done to bring the embedded server up. */
  onEvent?: OnTemporalEvent;
  signal?: AbortSignal;
}

/** Which project a history file belongs to. */
export interface HistoryFileOptions {
  /** As in `ConnectOptions`. */
  projectDir?: string;
  /** As in `ConnectOptions`. @internal */
  config?: ProjectConfig;
}

// Everything else is loaded by the method that needs it: `partwise` is imported by every functions file, so
// by every runner.

interface Session {
  readonly client: Client;
  readonly taskQueue: string;
  readonly address: string;
  readonly embedded: boolean;
  /** Null for a client that was made elsewhere. */
  readonly project: ProjectConfig | null;
  close(): Promise<void>;
}

/**
 * A connection to the place where runs live: a Temporal server, the project's own one unless another is
 * named.
 *
 * ```ts
 * const partwise = await Partwise.connect();
 * const run = await partwise.start({
 *   function: 'salesByRegion',
 *   source: { files: 'sales.csv' },
 *   partitionBy: ['region'],
 * });
 * const { status, counts } = await run.wait();
 * console.log(status, counts, await run.results());
 * await partwise.close();
 * ```
 *
 * Runs go on when the program that started them ends; `getRun` gives the handle back, in any process.
 */
export class Partwise {
  readonly #session: Session;
  #schedules: Schedules | null = null;
  #runs: RunList | null = null;

  private constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Connects to the server that the project's configuration or the environment names, else to the project's
   * embedded one, which is started where it is not up.
   */
  static async connect(options: ConnectOptions = {}): Promise<Partwise> {
    const { config, projectDir, ...rest } = options;
    const { loadConfig }: typeof import('../config') = require('../config');
    const { connectTemporal }: typeof import('../temporal') = require('../temporal');
    const project = config ?? (await loadConfig({ projectDir }));
    const session = await connectTemporal({
      projectDir: project.projectDir,
      settings: project.temporal,
      env: process.env,
      ...rest,
    });
    const { client, taskQueue, address, embedded } = session;
    return new Partwise({ client, taskQueue, address, embedded, project, close: () => session.close() });
  }

  /** Uses a Temporal client that is there already; closing it stays with its owner. */
  static fromClient(client: Client, { taskQueue }: { taskQueue: string }): Partwise {
    const { options: connected } = client.connection as { options?: { address?: string } };
    const address = connected?.address ?? '';
    return new Partwise({
      client,
      taskQueue,
      address,
      embedded: false,
      project: null,
      close: async () => {},
    });
  }

  /**
   * A run as a file has it: an archive of Partwise, or what `temporal workflow show --output json` writes,
   * compressed or not. No server is asked, and none is started. Artifacts, logs and rows are read from the
   * run's stage, which must be seen from here. `projectDir`: the project whose data converter wrote the
   * history. Throws `UnreadableHistory`.
   */
  static async fromHistory(file: string, options: HistoryFileOptions = {}): Promise<RunHandle> {
    const { config, projectDir } = options;
    const { loadConfig }: typeof import('../config') = require('../config');
    const {
      readHistoryFile,
    }: typeof import('../reader/histories/history-file') = require('../reader/histories/history-file');
    return readHistoryFile(file, config ?? (await loadConfig({ projectDir })));
  }

  /** `host:port` of the server. */
  get address(): string {
    return this.#session.address;
  }

  /** Whether it is the project's own server, which Partwise keeps up. */
  get embedded(): boolean {
    return this.#session.embedded;
  }

  /**
   * Starts a run. Resolves once the server has accepted it; throws `StartRefused`, with every problem, for
   * input that cannot be run and for a run id that is taken. What only a worker can see (an unknown table,
   * say) ends the run before any partition is started: see `wasRefused`.
   */
  async start(input: RunInput, options: { runId?: string } = {}): Promise<RunHandle> {
    const { client, taskQueue } = this.#session;
    const { startRun }: typeof import('./start') = require('./start');
    const { runId, workflowRunId } = await startRun(client, taskQueue, this.#complete(input), options.runId);
    return this.#handle(runId, workflowRunId);
  }

  /**
   * The handle of a run, running or finished, whoever started it. Throws nothing: its methods throw
   * `NoSuchRun`.
   */
  getRun(runId: string): RunHandle {
    return this.#handle(runId, null);
  }

  /**
   * A page of the runs on this server, each run id once. Throws `RangeError` for a limit or a cursor that is
   * not one.
   *
   * ```ts
   * let after: string | undefined;
   * do {
   *   const { runs, next } = await partwise.list({ status: 'FAILURE', after });
   *   for (const { runId, startedAt } of runs) console.log(runId, startedAt);
   *   after = next ?? undefined;
   * } while (after !== undefined);
   * ```
   */
  list(options: ListOptions = {}): Promise<RunPage> {
    const { RunList }: typeof import('../reader/list') = require('../reader/list');
    this.#runs ??= new RunList(this.#session.client);
    return this.#runs.page(options);
  }

  /**
   * Raw histories of runs, each execution for itself, for `replayRuns` of `partwise/worker`: of the runs
   * named, and of the newest `last`. Executions that have expired and were not archived are passed over.
   */
  histories(options: HistoriesOptions): AsyncIterable<RunHistory> {
    const {
      histories,
    }: typeof import('../reader/histories/histories') = require('../reader/histories/histories');
    const { client, project } = this.#session;
    return histories(client, project?.stage ?? null, options);
  }

  /**
   * Schedules of this server that start runs. The embedded server fires them only while it is up: `partwise
   * dev` keeps it up, and without that it ends ten minutes after the last command and the last run.
   */
  get schedules(): Schedules {
    if (this.#schedules !== null) return this.#schedules;
    const { client, taskQueue } = this.#session;
    const { TemporalSchedules }: typeof import('./schedules/schedules') = require('./schedules/schedules');
    return (this.#schedules = new TemporalSchedules(client, taskQueue, (input) => this.#complete(input)));
  }

  /**
   * What a run of this input would do: how many partitions, how large, in how many units. Reads the source
   * here and now, without a worker, and starts nothing. Throws `StartRefused` for what a run would be refused
   * for.
   */
  async plan(input: RunInput): Promise<PlanPreview> {
    return (await Project.open({ config: await this.#config() })).plan(input);
  }

  /**
   * Runs a few partitions of what would be a run of this input, here and now, in runner processes of this
   * machine: to see whether the function does what it should before it is run for all of them. Starts no run,
   * and keeps nothing; a function that throws is in the report. Throws `StartRefused` for what a run would be
   * refused for.
   *
   * ```ts
   * const { tried } = await partwise.try(input, { partitions: 3 });
   * console.log(tried.map(({ id, status, error }) => [id, status, error?.message]));
   * ```
   */
  async try(input: RunInput, options: TryOptions): Promise<TryReport> {
    return (await Project.open({ config: await this.#config() })).try(input, options);
  }

  /**
   * Calls the function as it is now on one partition of a run, on the rows that the run pinned, in this
   * process: to find out why it failed, or whether it is mended. What it prints, returns, uploads and throws
   * is in the report, beside what the run recorded. The run and its stage stay as they are: uploads go
   * nowhere. Limits of time and memory do not hold here.
   *
   * Throws `NoSuchRun`, `NoSuchPartition`, and `StartRefused` when the function or the snapshot is not there
   * any more.
   */
  async debug(runId: string, partition: string, options: DebugOptions = {}): Promise<DebugReport> {
    const { debugPartition }: typeof import('./trial/debug-partition') = require('./trial/debug-partition');
    const { client } = this.#session;
    return refusing(async () => debugPartition(client, { runId, partition }, await this.#config(), options));
  }

  /**
   * Removes from the stage what nobody needs: of runs that `options` selects everything (but what others have
   * reused), of runs that stay what nothing recorded names. A run in progress is never touched. Resolves with
   * what was removed, or with `dryRun` would be; throws `CleanRefused`, having removed nothing.
   */
  async clean(options: CleanOptions = {}): Promise<CleanReport> {
    const { cleanProject }: typeof import('./clean/project') = require('./clean/project');
    return cleanProject(this.#session.client, await this.#config(), options);
  }

  /**
   * The project's models: versions, aliases, and what predicts with them. `warehouse`: of the registry, as in
   * an input; default: the project's.
   */
  async registry({ warehouse }: { warehouse?: string } = {}): Promise<ModelRegistry> {
    const { openRegistry }: typeof import('./registry/open-registry') = require('./registry/open-registry');
    const start = (input: RunInput, options: { runId?: string }): Promise<RunHandle> =>
      this.start(input, options);
    return openRegistry(await this.#config(), warehouse ?? null, start);
  }

  #config(): Promise<ProjectConfig> {
    const { loadConfig }: typeof import('../config') = require('../config');
    return this.#session.project === null ? loadConfig() : Promise.resolve(this.#session.project);
  }

  /** Lets go of the server. Runs go on. */
  async close(): Promise<void> {
    const { closeServices }: typeof import('../warehouse') = require('../warehouse');
    // Reading a stage may have opened sessions, which wait for more.
    await closeServices();
    await this.#session.close();
  }

  /** The embedded server's worker runs with the settings of the project that the input comes from. */
  #complete(input: RunInput): RunInput {
    const { embedded, project } = this.#session;
    return embedded && project !== null ? withSettingsOf(project, input) : input;
  }

  #handle(runId: string, workflowRunId: string | null): RunHandle {
    const { serverRun }: typeof import('./control') = require('./control');
    const { client, taskQueue, embedded, project } = this.#session;
    const functions = embedded ? (project?.functions ?? null) : null;
    const stage = project?.stage ?? null;
    return serverRun({ client, taskQueue, functions, stage }, runId, workflowRunId);
  }
}

/**
 * The embedded worker may have been started by another command with other settings: what this program
 * resolved is what its run gets.
 */
function withSettingsOf({ functions, warehouse, stage }: ProjectConfig, input: RunInput): RunInput {
  return {
    ...(functions !== null && { functions }),
    ...(warehouse !== null && { warehouse }),
    stage,
    ...input,
  };
}
