/** What a project needs, tried one by one: each ok, or what to do. */
import { randomUUID } from 'node:crypto';
import { loadConfig, type ConfigFlags, type ProjectConfig } from '../config';
import { check, type Check } from '../core/setup-check';
import { background } from './background';
import { openStage, stageUri, type Stage } from '../stage';
import { connectTemporal, describeBinary, findTemporalBinary, resolveTemporal } from '../temporal';
import type { OnTemporalEvent } from '../temporal/events';
import { closeServices, DEFAULT_WAREHOUSE, openWarehouse, type Warehouse } from '../warehouse';
import { INSTALLERS, languageOfSource } from '../runners/languages';
import { projectFunctions } from './project-functions';
import { readWorkers, workersLine } from './workers';

/** Which project to check. */
export interface ProjectCheckOptions {
  /** Folder of the project. Default: that of the nearest configuration file, else the working directory. */
  projectDir?: string;
  /** Settings given on the command line. @internal */
  flags?: ConfigFlags;
  /** Called with what is done to find the Temporal binary. */
  onEvent?: OnTemporalEvent;
}

/** Later checks need the configuration: when it cannot be used, it is the last one. */
export async function* checkProject(options: ProjectCheckOptions): AsyncGenerator<Check> {
  const { projectDir, flags, onEvent } = options;
  yield await check('Node', checkNode);
  let config: ProjectConfig | null = null;
  yield await check('config', async () => {
    config = await loadConfig({ projectDir, flags });
    return config.configFile ?? `none in ${config.projectDir} or its parent folders; defaults apply`;
  });
  if (config === null) return;
  const project: ProjectConfig = config;
  try {
    const temporal = await check('Temporal', () => checkTemporal(project, onEvent));
    yield temporal;
    if (resolveTemporal(project.temporal, process.env).kind === 'embedded')
      yield await check('processes', () => describeProcesses(project));
    else if (temporal.ok) yield await check('workers', () => describeWorkers(project));
    yield* checkPlaces(project);
    yield* checkRuntimes(project);
    yield await check('functions', () => checkFunctions(project));
    for (const { name, installCommand } of INSTALLERS)
      yield await check('programs', async () => `in ${name}: ${installCommand()}`);
  } finally {
    await closeServices();
  }
}

/** What functions run on, for languages whose interpreter is looked for. */
async function* checkRuntimes({ functions, projectDir, python }: ProjectConfig): AsyncGenerator<Check> {
  for (const file of functions) {
    const language = languageOfSource(file);
    const described = language?.describeRuntime?.(file, { cwd: projectDir, python: python ?? undefined });
    if (described !== undefined) yield await check(language!.name, () => described);
  }
}

async function* checkPlaces(project: ProjectConfig): AsyncGenerator<Check> {
  const { projectDir } = project;
  let warehouse: Warehouse | null = null;
  const opening = await check('warehouse', async () => {
    warehouse = openWarehouse(project.warehouse ?? DEFAULT_WAREHOUSE, projectDir, { project });
    return warehouse.uri;
  });
  if (warehouse === null) yield opening;
  else yield* (warehouse as Warehouse).checks();
  const stage = await check('stage', () => checkStage(project));
  yield stage;
  if (warehouse === null || !stage.ok) return;
  const both = await (warehouse as Warehouse).checkStage(stageOf(project));
  if (both !== null) yield both;
}

async function checkNode(): Promise<string> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 3)) return process.version;
  throw new Error(`${process.version} is too old: install Node 20.3 or newer.`);
}

async function checkTemporal(
  { temporal, projectDir }: ProjectConfig,
  onEvent: OnTemporalEvent | undefined,
): Promise<string> {
  const resolved = resolveTemporal(temporal, process.env);
  if (resolved.kind === 'embedded') {
    const binary = await findTemporalBinary({
      configured: temporal.binary,
      projectDir,
      env: process.env,
      onEvent,
    });
    return `embedded: ${describeBinary(binary)}`;
  }
  const session = await connectTemporal({ projectDir, settings: temporal, env: process.env });
  await session.close();
  return `${resolved.address}, namespace ${resolved.namespace}, task queue ${resolved.taskQueue}`;
}

/** Of a named server: a worker that is missing now may be started later, so it is not a problem. */
async function describeWorkers({ temporal, projectDir }: ProjectConfig): Promise<string> {
  const session = await connectTemporal({ projectDir, settings: temporal, env: process.env });
  try {
    return workersLine(await readWorkers(session.client, session.taskQueue, {}, Date.now()));
  } finally {
    await session.close();
  }
}

async function describeProcesses(project: ProjectConfig): Promise<string> {
  const found = await background(project);
  if (found === null) return 'none in the background; commands start them when they need them';
  const { foreground, address, pids, openRuns } = found;
  const named = Object.entries(pids).flatMap(([name, pid]) => (pid === null ? [] : [`${name} ${pid}`]));
  const open = openRuns === null ? '' : `, open runs: ${openRuns}`;
  const end = foreground ? 'partwise dev, ends with Ctrl-C' : 'partwise stop ends them';
  return `${named.join(', ')}, Temporal at ${address ?? 'no address yet'}${open} (${end})`;
}

function stageOf({ stage, projectDir, warehouse }: ProjectConfig): Stage {
  return openStage(stageUri(stage, projectDir, warehouse));
}

async function checkStage(project: ProjectConfig): Promise<string> {
  const stage = stageOf(project);
  const path = `doctor/${randomUUID()}`;
  try {
    await stage.token({ create: true });
    await stage.put(path, Buffer.from('written by partwise doctor\n'));
    await stage.get(path);
    await stage.remove(path);
  } catch (error) {
    // Errors of a service say what to do.
    if (!stage.isLocal) throw error;
    throw new Error(
      `${stage.uri} cannot be written or read (${error instanceof Error ? error.message : String(error)}). Give this user read and write permission there, or name another folder with "stage" in the configuration.`,
    );
  }
  return `${stage.uri} can be written and read`;
}

async function checkFunctions(project: ProjectConfig): Promise<string> {
  const { functions } = project;
  const [first] = functions;
  if (first === undefined) return 'no functions file: only --sql can be run. `partwise init` creates one.';
  const names = (await projectFunctions(project)).map(({ name }) => name);
  if (names.length > 0) return `${functions.join(', ')}: ${names.join(', ')}`;
  throw new Error(
    `${functions.join(' and ')} has no partition function: write \`${languageOfSource(first)!.example('summarize')}\`.`,
  );
}
