import type { ProjectConfig } from '../config';
import type { Check } from '../core/setup-check';
import type { RunInput } from '../core/input';
import type { Background } from './background';
import type { CodecOptions } from './codec';
import type { CodecEndpoint } from '../temporal/codec-endpoint';
import type { NewestRunsOptions } from './newest-run-ids';
import type { ProjectCheckOptions } from './doctor';
import { refusing } from './refusing';
import type { ServeOptions } from './serve';
import type { SourceExcerpt, SourceOptions, SourceReader } from './source-excerpt';
import type { StackPlace } from '../core/stack-place';
import type { TryOptions, TryReport } from './trial/types';
import type { PlanPreview } from './plan-preview';
import type { ProjectFunction } from './project-functions';
import type { TemporalCliOptions } from './temporal-cli';

/** Which project to open. */
export interface ProjectOptions {
  /** Folder of the project. Default: that of the nearest configuration file, else the working directory. */
  projectDir?: string;
  /** Configuration that was loaded before; `projectDir` is ignored then. @internal */
  config?: ProjectConfig;
}

/** How warehouses and stages are named, for help texts and forms. */
export interface Places {
  /** Of a source. */
  warehouse: {
    /** How a warehouse is written. */
    examples: string;
    /** What `options.warehouse` of an input can have; each kind of warehouse has its own. */
    options: readonly { name: string; help: string }[];
  };
  /** Of snapshots, artifacts and logs. */
  stage: {
    /** How a stage is written. */
    examples: string;
    /** Whether a stage is the path of a folder, which may be relative to the project's. */
    isPath(stage: string): boolean;
  };
}

// Everything else is loaded by the method that needs it: `partwise` is imported by every functions file.

/**
 * A project on this machine: its functions, warehouse and stage, without a server.
 *
 * ```ts
 * const project = await Project.open();
 * const { partitions, rows } = await project.plan(input);
 * await project.close();
 * ```
 */
export class Project {
  readonly #config: ProjectConfig;
  #sources: SourceReader | null = null;

  private constructor(config: ProjectConfig) {
    this.#config = config;
  }

  /** Reads the project's configuration. */
  static async open(options: ProjectOptions = {}): Promise<Project> {
    const { config, projectDir } = options;
    const { loadConfig }: typeof import('../config') = require('../config');
    return new Project(config ?? (await loadConfig({ projectDir })));
  }

  /**
   * Tries what a project needs, one thing after the other: Node, configuration, Temporal, warehouse, stage
   * and functions. If the configuration cannot be used, it is the last.
   */
  static check(options: ProjectCheckOptions = {}): AsyncGenerator<Check> {
    const { checkProject }: typeof import('./doctor') = require('./doctor');
    return checkProject(options);
  }

  /** How warehouses and stages are named, in any project. */
  static places(): Places {
    const { WAREHOUSE_EXAMPLES, WAREHOUSE_OPTIONS }: typeof import('../warehouse') = require('../warehouse');
    const { STAGE_EXAMPLES, isStagePath }: typeof import('../stage') = require('../stage');
    return {
      warehouse: { examples: WAREHOUSE_EXAMPLES, options: WAREHOUSE_OPTIONS },
      stage: { examples: STAGE_EXAMPLES, isPath: isStagePath },
    };
  }

  /** Like `Partwise.plan`; `time` is null unless the project's server is running. */
  plan(input: RunInput): Promise<PlanPreview> {
    const { previewPlan }: typeof import('./plan-preview') = require('./plan-preview');
    const { onRunningServer }: typeof import('./running-server') = require('./running-server');
    const { lastPace }: typeof import('./time-bound') = require('./time-bound');
    const config = this.#config;
    return refusing(() =>
      previewPlan(input, config, (name) =>
        onRunningServer(config, ({ client, taskQueue }) =>
          lastPace(client, { name, taskQueue, stage: config.stage }),
        ),
      ),
    );
  }

  /**
   * The project's functions, with the settings that their code declares. Builds the functions files, and
   * throws an explanation for one that does not build or load.
   */
  functions(): Promise<ProjectFunction[]> {
    const { projectFunctions }: typeof import('./project-functions') = require('./project-functions');
    return projectFunctions(this.#config);
  }

  /** Like `Partwise.try`. */
  try(input: RunInput, options: TryOptions): Promise<TryReport> {
    const { tryRun }: typeof import('./trial/try-run') = require('./trial/try-run');
    return refusing(() => tryRun(input, this.#config, options));
  }

  /**
   * The lines of your code around a place of an error, as they were when a run called it: from the bundle
   * that a worker on this machine made of the functions file. Null if the bundle is not on this machine or
   * does not have the place, and for the function `sql`.
   *
   * ```ts
   * const [{ place, examples }] = await run.failures();
   * const excerpt = await project.source(examples[0].functionDigest, place, { lines: 1 });
   * ```
   *
   * @param functionDigest of a `PartitionView` or a `FailureExample`
   * @param place a path that is not absolute is relative to the project's folder
   */
  source(
    functionDigest: string,
    place: StackPlace,
    options: SourceOptions = {},
  ): Promise<SourceExcerpt | null> {
    const { SourceReader }: typeof import('./source-excerpt') = require('./source-excerpt');
    this.#sources ??= new SourceReader(this.#config.projectDir);
    return this.#sources.read(functionDigest, place, options);
  }

  /** Keeps the project's own server and its worker up, until SIGINT or SIGTERM. @internal */
  serve(options: ServeOptions): Promise<void> {
    const { serveProject }: typeof import('./serve') = require('./serve');
    return serveProject(this.#config, options);
  }

  /** Decodes payloads of the project for Temporal's web UI and CLI, on this machine. @internal */
  serveCodec(options: CodecOptions): Promise<CodecEndpoint> {
    const { serveProjectCodec }: typeof import('./codec') = require('./codec');
    return serveProjectCodec(this.#config, options);
  }

  /** The background processes of the project; null if there are none. @internal */
  background(): Promise<Background | null> {
    const { background }: typeof import('./background') = require('./background');
    return background(this.#config);
  }

  /** Ids of the newest runs, without starting or replacing a server. @internal */
  newestRunIds(options: NewestRunsOptions): Promise<string[]> {
    const { newestRunIds }: typeof import('./newest-run-ids') = require('./newest-run-ids');
    return newestRunIds(this.#config, options);
  }

  /** Ends the background processes of the project; null if there are none. @internal */
  stopBackground(): Promise<Background | null> {
    const { stopBackground }: typeof import('./background') = require('./background');
    return stopBackground(this.#config);
  }

  /** The address of the console that serves the project with these flags; null if none answers. @internal */
  findConsole(flags: object): Promise<string | null> {
    const { findConsole }: typeof import('./running-console') = require('./running-console');
    return findConsole(this.#config.projectDir, flags);
  }

  /** Records this process as the project's console. Returns a function that removes the record. @internal */
  recordConsole(url: string, flags: object): () => void {
    const { recordConsole }: typeof import('./running-console') = require('./running-console');
    return recordConsole(this.#config.projectDir, url, flags);
  }

  /** Runs Temporal's own CLI on the project's server, in this terminal; returns its exit code. @internal */
  temporal(args: readonly string[], options: TemporalCliOptions): Promise<number> {
    const { runTemporalCli }: typeof import('./temporal-cli') = require('./temporal-cli');
    return runTemporalCli(this.#config, args, options);
  }

  /** Closes the sessions that it opened of warehouses and stages. */
  async close(): Promise<void> {
    const { closeServices }: typeof import('../warehouse') = require('../warehouse');
    await closeServices();
  }
}
