import type { Client } from '@temporalio/client';
import type { ProjectConfig } from '../config';
import { Project } from './project';
import { refusing } from './refusing';
import type { ModelRegistry } from './registry/registry';
import { withFunctionsFile } from '../core/function-reference';
import type { RunInput } from '../core/input';
import type { OnTemporalEvent } from '../temporal/events';
import type { Schedules } from './schedules/types';
import type { CleanOptions, CleanReport } from './clean/types';
import type { HistoriesOptions, RunHistory } from '../reader/histories/histories';
import type { DebugOptions, DebugReport, TryOptions, TryReport } from './trial/types';
import type { PlanPreview } from './plan-preview';
import type { StageRuns } from './stage-runs';
import type { QueueView, WorkersOptions } from './workers';
import type { RunList } from '../reader/list';
import type { ListOptions, RunPage } from '../reader/list-types';
import type { RunHandle } from '../reader/run-handle';

/** Options for connecting to a project's server. */
export interface ConnectOptions {
  /** Project folder. Default: the folder of the nearest configuration file, else the working directory. */
  projectDir?: string;
  /** A configuration that is already loaded; overrides `projectDir`. @internal */
  config?: ProjectConfig;
  /** Whether to wait for the embedded server's worker. Runs can be read without one. Default true. */
  needWorker?: boolean;
  /** Receives events about starting the embedded server. */
  onEvent?: OnTemporalEvent;
  signal?: AbortSignal;
}

/** Which project a history belongs to. */
export interface HistoryFileOptions {
  /** As in `ConnectOptions`. */
  projectDir?: string;
  /** As in `ConnectOptions`. @internal */
  config?: ProjectConfig;
}

// Everything else is loaded by the method that needs it, because every functions file, and so every runner,
// imports `partwise`.

interface Session {
  readonly client: Client;
  readonly taskQueue: string;
  readonly address: string;
  readonly embedded: boolean;
  /** Null for a client that was created elsewhere. */
  readonly project: ProjectConfig | null;
  close(): Promise<void>;
}

/**
 * A connection to a Temporal server: the project's embedded server unless another one is configured.
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
 * Runs continue when the program that started them exits; `getRun` returns a handle to them in any process.
 */
export class Partwise {
  readonly #session: Session;
  #schedules: Schedules | null = null;
  #runs: RunList | null = null;

  private constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Connects to the server named by the project's configuration or the environment, or else to the project's
   * embedded server, starting it if necessary.
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

  /** Uses an existing Temporal client, which the caller remains responsible for closing. */
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
   * Opens a run from a file: a Partwise archive, or the output of `temporal workflow show --output json`,
   * compressed or not. Does not connect to or start a server. Artifacts, logs and rows are read from the
   * run's stage, which must be reachable from here. `projectDir` is the project whose data converter wrote
   * the history. Throws `UnreadableHistory`.
   */
  static async fromHistory(file: string, options: HistoryFileOptions = {}): Promise<RunHandle> {
    const { config, projectDir } = options;
    const { loadConfig }: typeof import('../config') = require('../config');
    const {
      readHistoryFile,
    }: typeof import('../reader/histories/history-file') = require('../reader/histories/history-file');
    return readHistoryFile(file, config ?? (await loadConfig({ projectDir })));
  }

  /**
   * Opens the archived runs of a stage, a path or URI, without a server: those that have ended, and that
   * `clean` has not removed. `projectDir` is the project whose data converter wrote the histories. Throws
   * `NoSuchStage` if there is nothing at that place.
   *
   * ```ts
   * const stage = await Partwise.fromStage('s3://lake/partwise/');
   * const { runs } = await stage.list({ status: 'FAILURE' });
   * for (const { runId } of runs) console.log(await stage.getRun(runId).failures());
   * await stage.close();
   * ```
   */
  static async fromStage(stage: string, options: HistoryFileOptions = {}): Promise<StageRuns> {
    const { config, projectDir } = options;
    const { loadConfig }: typeof import('../config') = require('../config');
    const { openStageRuns }: typeof import('./stage-runs') = require('./stage-runs');
    return openStageRuns(stage, config ?? (await loadConfig({ projectDir })));
  }

  /** `host:port` of the server. */
  get address(): string {
    return this.#session.address;
  }

  /** Whether this is the project's embedded server, which Partwise manages. */
  get embedded(): boolean {
    return this.#session.embedded;
  }

  /**
   * The same connection for one user of a program that acts for several: Temporal records what is started,
   * paused, set and scheduled through it under this name. Closing either closes the connection.
   *
   * ```ts
   * await partwise.withIdentity('ann@example.com').getRun('regional-program').pause();
   * console.log((await partwise.getRun('regional-program').status()).pausedBy); // ann@example.com
   * ```
   */
  withIdentity(identity: string): Partwise {
    const { withIdentity }: typeof import('./with-identity') = require('./with-identity');
    return new Partwise({ ...this.#session, client: withIdentity(this.#session.client, identity) });
  }

  /**
   * Starts a run, and resolves once the server has accepted it. Throws `StartRefused`, with every problem,
   * for invalid input or a run id that already exists. Problems that only a worker can detect, such as an
   * unknown table, end the run before any partition is started: see `wasRefused`.
   */
  async start(input: RunInput, options: { runId?: string } = {}): Promise<RunHandle> {
    const { client, taskQueue } = this.#session;
    const { startRun }: typeof import('./start') = require('./start');
    const { runId, workflowRunId } = await startRun(client, taskQueue, this.#complete(input), options.runId);
    return this.#handle(runId, workflowRunId);
  }

  /**
   * Returns the handle of any run on this server, running or finished. Never throws; the methods of the
   * handle throw `NoSuchRun`.
   */
  getRun(runId: string): RunHandle {
    return this.#handle(runId, null);
  }

  /**
   * Returns a page of the runs on this server, each run id once; starts that were refused are not runs. With
   * `archived`, of the runs that only the project's stage still has. Throws `RangeError` for an invalid limit
   * or cursor.
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
  async list({ archived = false, ...options }: ListOptions = {}): Promise<RunPage> {
    const { RunList }: typeof import('../reader/list') = require('../reader/list');
    const runs = (this.#runs ??= new RunList(this.#session.client));
    if (!archived) return runs.page(options);
    const { openForgottenRuns }: typeof import('./stage-runs') = require('./stage-runs');
    return openForgottenRuns(this.#session.client, runs, await this.#config()).page(options);
  }

  /**
   * Who polls the project's task queues: without a worker that does, runs are accepted and wait.
   *
   * ```ts
   * for (const { taskQueue, work, polled } of await partwise.workers())
   *   if (!polled) console.warn(`No worker takes ${work} from "${taskQueue}": start partwise worker.`);
   * ```
   */
  async workers(options: WorkersOptions = {}): Promise<QueueView[]> {
    const { readWorkers }: typeof import('./workers') = require('./workers');
    return readWorkers(this.#session.client, this.#session.taskQueue, options, Date.now());
  }

  /**
   * Raw histories for `replayRuns` of `partwise/worker`, one per execution: those of the given runs and of
   * the newest `last` runs. Executions that have expired without being archived are skipped.
   */
  histories(options: HistoriesOptions): AsyncIterable<RunHistory> {
    const {
      histories,
    }: typeof import('../reader/histories/histories') = require('../reader/histories/histories');
    const { client, project } = this.#session;
    return histories(client, project?.stage ?? null, options);
  }

  /**
   * The schedules on this server that start runs. The embedded server fires them only while it is running;
   * unless `partwise dev` keeps it running, it stops ten minutes after the last command and the last run.
   */
  get schedules(): Schedules {
    if (this.#schedules !== null) return this.#schedules;
    const { client, taskQueue } = this.#session;
    const { TemporalSchedules }: typeof import('./schedules/schedules') = require('./schedules/schedules');
    return (this.#schedules = new TemporalSchedules(client, taskQueue, {
      complete: (input) => this.#complete(input),
      check: (input) => this.#functionProblems(input),
    }));
  }

  /**
   * Previews a run of this input: how many partitions, how large, in how many units, and how long it takes at
   * least by the last run of the function, if that can be read within 3 s. Reads the source in this process,
   * without a worker, and starts nothing; relative names inside a query start at the working directory.
   * Throws `StartRefused` for problems that would also refuse the run.
   */
  async plan(input: RunInput): Promise<PlanPreview> {
    const { previewPlan }: typeof import('./plan-preview') = require('./plan-preview');
    const { lastPace }: typeof import('./time-bound') = require('./time-bound');
    const config = await this.#config();
    const { client, taskQueue, project } = this.#session;
    return refusing(() =>
      previewPlan(input, config, (name) =>
        lastPace(client, { name, taskQueue, stage: project?.stage ?? null }),
      ),
    );
  }

  /**
   * Calls the function for a few partitions of this input, in runner processes on this machine, to check the
   * function before running it for all partitions. Starts no run and keeps nothing; errors of the function
   * are in the report. Throws `StartRefused` for problems that would also refuse the run.
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
   * Calls the current function on one partition of a run, on the rows that the run pinned, in this process:
   * to find out why it failed, or whether a fix works. The report contains what the function printed,
   * returned, uploaded and threw, next to what the run recorded. The run and its stage are not changed, and
   * uploads are discarded. Time and memory limits are not enforced.
   *
   * Throws `NoSuchRun`, `NoSuchPartition`, and `StartRefused` if the function or the snapshot no longer
   * exists.
   */
  async debug(runId: string, partition: string, options: DebugOptions = {}): Promise<DebugReport> {
    const { debugPartition }: typeof import('./trial/debug-partition') = require('./trial/debug-partition');
    const { client } = this.#session;
    return refusing(async () => debugPartition(client, { runId, partition }, await this.#config(), options));
  }

  /**
   * Removes unused files from the stage: all files of the runs that `options` selects (except those that
   * other runs reuse), and files of the remaining runs that no record names. A run in progress is never
   * touched. Resolves with what was removed, or would be removed with `dryRun`. Throws `CleanRefused` without
   * removing anything.
   */
  async clean(options: CleanOptions = {}): Promise<CleanReport> {
    const { cleanProject }: typeof import('./clean/clean-project') = require('./clean/clean-project');
    return cleanProject(this.#session.client, await this.#config(), options);
  }

  /**
   * The project's model registry: models, versions and aliases. `warehouse` is the registry's warehouse,
   * written as in an input. Default: the project's.
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

  /** Closes the connection. Runs continue. */
  async close(): Promise<void> {
    const { closeServices }: typeof import('../warehouse') = require('../warehouse');
    // Reading a stage may have opened sessions that are kept for reuse.
    await closeServices();
    await this.#session.close();
  }

  /** Adds the project's settings to the input when the embedded server's worker will run it. */
  #complete(input: RunInput): RunInput {
    const { embedded, project } = this.#session;
    return embedded && project !== null ? withSettingsOf(project, input) : input;
  }

  /** On a named server, whose workers have their own code, only if the project has a functions file too. */
  async #functionProblems(input: RunInput): Promise<string[]> {
    const { embedded, project } = this.#session;
    if (project === null || (!embedded && project.functions.length === 0)) return [];
    const { functionProblems }: typeof import('./function-problems') = require('./function-problems');
    return functionProblems(input, project);
  }

  #handle(runId: string, workflowRunId: string | null): RunHandle {
    const { serverRun }: typeof import('./control') = require('./control');
    const { client, taskQueue, embedded, project } = this.#session;
    const code = embedded && project !== null ? codeOf(project) : {};
    const stage = project?.stage ?? null;
    const folder = project?.projectDir ?? null;
    return serverRun({ client, taskQueue, code, folder, stage }, runId, workflowRunId);
  }
}

/** What an input says about the code. */
function codeOf({ functions, python }: ProjectConfig): Pick<RunInput, 'functions' | 'python'> {
  const [first, ...others] = functions;
  return {
    ...(first !== undefined && { functions: others.length === 0 ? first : functions }),
    ...(python !== null && { python }),
  };
}

/**
 * The embedded worker may have been started by another command with different settings, so the run is given
 * the settings that this program resolved.
 */
function withSettingsOf(project: ProjectConfig, input: RunInput): RunInput {
  const { warehouse, stage } = project;
  return {
    ...codeOf(project),
    ...(warehouse !== null && { warehouse }),
    stage,
    ...withFunctionsFile(input),
  };
}
