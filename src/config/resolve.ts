/**
 * Resolves settings in order of precedence: flags, environment, configuration file, defaults. Used by
 * commands, library and worker alike; Temporal's own environment variables are read in `temporal/`.
 */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ZodType } from 'zod';
import { isFolder } from '../files/folders';
import { tracingProblems } from '../files/optional-packages';
import { explainIssues } from '../input/explain-issues';
import type { LoadedTemporalSettings, TemporalSettings } from '../temporal/settings';
import { encrypting } from '../trust/encryption-codec';
import { PayloadKeys } from '../trust/payload-keys';
import type { Notifier } from './define';
import { ENCRYPTED, isStagePath, stageUri, useKeys } from '../stage';
import { FUNCTIONS_FILES } from '../runners/languages';
import { findNamed, namedInterpreter } from '../runners/named-interpreter';
import { packageProblems } from '../warehouse';
import { configFileIn, findConfigFile, readConfigFile } from './load';
import { ConfigError } from './problems';
import {
  checkConfig,
  metricsSchema,
  runnersSchema,
  snakeCase,
  tracesSchema,
  warehouseSchema,
} from './schema';

/** A project's settings, complete. */
export interface ProjectConfig {
  /** Folder of the configuration file, else the working directory. Absolute. */
  projectDir: string;
  configFile: string | null;
  /** Absolute paths of the functions files. */
  functions: string[];
  /** The Python interpreter that is named: an absolute path, or a command on PATH. Null: it is looked for. */
  python: string | null;
  /** As written; relative paths in it are relative to `projectDir`. */
  warehouse: string | null;
  /** Absolute path, or the URI of a stage that is not a folder. */
  stage: string;
  /** As written. */
  duckdb: { setup?: string[] };
  temporal: LoadedTemporalSettings;
  worker: {
    /** Default: the number of cores. */
    runners?: number;
    /** Default: none. */
    gpus?: 'auto' | number | readonly string[];
    metrics?: string;
    traces?: string;
    passEnv?: string[];
  };
  /** Notifiers by name. */
  notify: Record<string, Notifier>;
  allow: {
    warehouses?: string[];
    stages?: string[];
    /** As written. */
    files?: string[];
    extensions?: string[];
  };
}

/** Settings given on the command line; paths are relative to the working directory. */
export interface ConfigFlags {
  functions?: string;
  python?: string;
  warehouse?: string;
  stage?: string;
  address?: string;
  namespace?: string;
  profile?: string;
  taskQueue?: string;
  runners?: number;
  gpus?: 'auto' | number | readonly string[];
  metrics?: string;
  traces?: string;
}

export interface LoadConfigOptions {
  /** Default: the folder of the nearest configuration file above the working directory, else the latter. */
  projectDir?: string;
  flags?: ConfigFlags;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** Finds, reads and checks a project's configuration. Throws a `ConfigError` with every problem. */
export async function loadConfig(options: LoadConfigOptions = {}): Promise<ProjectConfig> {
  const { flags = {}, env = process.env, cwd = process.cwd() } = options;
  const projectGiven = options.projectDir === undefined ? null : resolve(cwd, options.projectDir);
  if (projectGiven !== null && !isFolder(projectGiven)) {
    throw new ConfigError(projectGiven, [
      'The folder does not exist. Give the folder of a project, or create it first.',
    ]);
  }
  const configFile = projectGiven === null ? findConfigFile(cwd) : configFileIn(projectGiven);
  const projectDir = projectGiven ?? (configFile === null ? cwd : dirname(configFile));
  const raw = configFile === null ? {} : await readConfigFile(configFile);
  const { config: file, problems } = checkConfig(raw, configFile?.endsWith('.toml') ? snakeCase : undefined);
  const givenFunctions = firstOf(
    absolute(cwd, flags.functions),
    absolute(projectDir, env['PARTWISE_FUNCTIONS']),
  );
  const configured = file.functions === undefined ? undefined : [file.functions].flat();
  const functions =
    givenFunctions === undefined ? configured?.map((path) => resolve(projectDir, path)) : [givenFunctions];
  const givenPython = firstOf(
    namedInterpreter(cwd, flags.python),
    namedInterpreter(projectDir, env['PARTWISE_PYTHON']),
  );
  const nameOf = (flag: keyof ConfigFlags): string =>
    firstOf<unknown>(flags[flag]) === undefined ? `PARTWISE_${flag.toUpperCase()}` : `--${flag}`;
  /** Problems with flags and environment variables. */
  const given: string[] = [];
  for (const functionsFile of functions ?? []) {
    if (existsSync(functionsFile)) continue;
    const isGiven = givenFunctions !== undefined;
    const setting = isGiven ? nameOf('functions') : '"functions"';
    (isGiven ? given : problems).push(
      `${setting} names the file "${functionsFile}", which does not exist. Create it, or name another file.`,
    );
  }
  if (givenPython !== undefined && findNamed(givenPython) === null)
    given.push(
      `${nameOf('python')} names the Python interpreter "${givenPython}", which does not exist. Correct it, or leave it out.`,
    );
  const runners = firstOf(flags.runners, numberFrom(env['PARTWISE_RUNNERS']));
  const warehouse = firstOf(flags.warehouse, env['PARTWISE_WAREHOUSE']);
  const metrics = firstOf(flags.metrics, env['PARTWISE_METRICS']);
  const traces = firstOf(flags.traces, env['PARTWISE_TRACES']);
  given.push(...misfits(nameOf('runners'), runnersSchema, runners));
  given.push(...misfits(nameOf('metrics'), metricsSchema, metrics));
  given.push(...misfits(nameOf('traces'), tracesSchema, traces));
  given.push(...misfits(nameOf('warehouse'), warehouseSchema, warehouse));
  const givenStage = firstOf(stagePath(cwd, flags.stage), stagePath(projectDir, env['PARTWISE_STAGE']));
  const namedStage = givenStage ?? stagePath(projectDir, file.stage);
  const keys = new PayloadKeys(file.temporal?.encryption?.keys ?? [], env);
  useKeys(keys);
  const namedWarehouse = warehouse ?? file.warehouse ?? null;
  const stage =
    namedStage === undefined
      ? join(projectDir, 'stage')
      : absoluteStage(
          namedStage,
          { projectDir, warehouse: namedWarehouse },
          givenStage === undefined ? problems : given,
        );
  if (stage.startsWith(ENCRYPTED)) useKeys(keys, stage);
  problems.push(...packageProblems(namedWarehouse === null ? [stage] : [namedWarehouse, stage]));
  const tracesUrl = traces ?? file.worker?.traces;
  if (tracesUrl !== undefined) problems.push(...tracingProblems(tracesUrl));
  if (problems.length > 0) throw new ConfigError(configFile, [...problems, ...given]);
  if (given.length > 0) throw new ConfigError(null, given);

  return {
    projectDir,
    configFile,
    functions: functions ?? defaultFunctionsFiles(projectDir),
    python: givenPython ?? namedInterpreter(projectDir, file.python) ?? null,
    warehouse: namedWarehouse,
    stage,
    duckdb: file.duckdb ?? {},
    temporal: temporalSettings(flags, env, file.temporal ?? {}, { projectDir, keys }),
    worker: {
      ...file.worker,
      ...(runners !== undefined && { runners }),
      ...(flags.gpus !== undefined && { gpus: flags.gpus }),
      ...(metrics !== undefined && { metrics }),
      ...(traces !== undefined && { traces }),
    },
    notify: file.notify ?? {},
    allow: file.allow ?? {},
  };
}

/**
 * Temporal's own environment variables, which are read with the profile, override the file's settings.
 */
function temporalSettings(
  flags: ConfigFlags,
  env: NodeJS.ProcessEnv,
  file: TemporalSettings,
  { projectDir, keys }: { projectDir: string; keys: PayloadKeys },
): LoadedTemporalSettings {
  const dataConverter = encrypting(file.dataConverter, keys);
  const settings: LoadedTemporalSettings = { ...file, dataConverter, keys };
  if (file.binary !== undefined) settings.binary = resolve(projectDir, file.binary);
  if (env['TEMPORAL_ADDRESS'] || env['TEMPORAL_PROFILE'] || flags.profile !== undefined)
    delete settings.address;
  if (env['TEMPORAL_PROFILE']) delete settings.profile;
  if (env['TEMPORAL_NAMESPACE']) delete settings.namespace;
  if (env['TEMPORAL_API_KEY']) delete settings.apiKey;
  const taskQueue = firstOf(flags.taskQueue, env['PARTWISE_TASK_QUEUE']);
  for (const name of ['address', 'profile', 'namespace'] as const) {
    if (flags[name] !== undefined) settings[name] = flags[name];
  }
  if (taskQueue !== undefined) settings.taskQueue = taskQueue;
  return settings;
}

function firstOf<T>(...values: (T | undefined)[]): T | undefined {
  return values.find((value) => value !== undefined && value !== '');
}

function absolute(folder: string, path: string | undefined): string | undefined {
  return path === undefined || path === '' ? undefined : resolve(folder, path);
}

function stagePath(folder: string, stage: string | undefined): string | undefined {
  if (stage?.startsWith(ENCRYPTED) === true)
    return `${ENCRYPTED}${stagePath(folder, stage.slice(ENCRYPTED.length))}`;
  if (stage?.startsWith('file://')) return fileURLToPath(stage);
  return stage === undefined || stage === '' || isStagePath(stage) ? absolute(folder, stage) : stage;
}

/**
 * The path of a folder, unchanged, or the stage's absolute URI. Some kinds of stage need the warehouse to
 * resolve it.
 */
function absoluteStage(
  stage: string,
  { projectDir, warehouse }: { projectDir: string; warehouse: string | null },
  problems: string[],
): string {
  if (isStagePath(stage)) return stage;
  try {
    return stageUri(stage, projectDir, warehouse);
  } catch (error) {
    problems.push((error as Error).message);
    return stage;
  }
}

/** The number, or the text if it is not a number, so that the problem can quote it. */
function numberFrom(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  return Number.isNaN(Number(text)) ? (text as unknown as number) : Number(text);
}

function misfits(name: string, schema: ZodType, value: unknown): string[] {
  if (value === undefined) return [];
  const result = schema.safeParse(value);
  return result.success
    ? []
    : explainIssues(
        result.error.issues.map((issue) => ({ ...issue, path: [name] })),
        { [name]: value },
        '',
      );
}

/** One of each language. */
function defaultFunctionsFiles(folder: string): string[] {
  return FUNCTIONS_FILES.flatMap(
    (names) => names.map((name) => join(folder, name)).find((file) => existsSync(file)) ?? [],
  );
}
