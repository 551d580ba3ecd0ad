/** Checks everything a project needs, one check at a time; a failed check says what to do. */
import { randomUUID } from 'node:crypto';
import type { ProjectConfig } from '../config';
import type { Stage } from '../stage';
import type { Warehouse } from '../warehouse';
import { check, type Check } from '../core/check';
import { functionNames } from './function-names';
import { loadProject, type ProjectOptions } from './project';

type Report = (message: string) => void;

/** If the configuration cannot be used, its check is the last one: the others need it. */
export async function* checkProject(options: ProjectOptions, report: Report): AsyncGenerator<Check> {
  yield await check('Node', checkNode);
  let config: ProjectConfig | null = null;
  yield await check('config', async () => {
    config = await loadProject(options);
    return config.configFile ?? `none in ${config.projectDir} or above; using defaults`;
  });
  if (config === null) return;
  const project: ProjectConfig = config;
  yield await check('Temporal', () => checkTemporal(project, report));
  yield* checkPlaces(project);
  yield await check('functions', () => checkFunctions(project));
}

async function* checkPlaces(project: ProjectConfig): AsyncGenerator<Check> {
  const { DEFAULT_WAREHOUSE, openWarehouse }: typeof import('../warehouse') = require('../warehouse');
  const { projectDir } = project;
  let warehouse: Warehouse | null = null;
  const opening = await check('warehouse', async () => {
    warehouse = openWarehouse(project.warehouse ?? DEFAULT_WAREHOUSE, projectDir);
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

async function checkTemporal({ temporal, projectDir }: ProjectConfig, report: Report): Promise<string> {
  const {
    connectTemporal,
    describeBinary,
    findTemporalBinary,
    resolveTemporal,
  }: typeof import('../temporal') = require('../temporal');
  const resolved = resolveTemporal(temporal, process.env);
  if (resolved.kind === 'embedded') {
    const binary = await findTemporalBinary({
      configured: temporal.binary,
      projectDir,
      env: process.env,
      onEvent: (event) => {
        if (event.type !== 'binaryFound') report(event.message);
      },
    });
    return `embedded: ${describeBinary(binary)}`;
  }
  const session = await connectTemporal({ projectDir, settings: temporal, env: process.env });
  await session.close();
  return `${resolved.address}, namespace ${resolved.namespace}, task queue ${resolved.taskQueue}`;
}

function stageOf({ stage, projectDir, warehouse }: ProjectConfig): Stage {
  const { openStage, stageUri }: typeof import('../stage') = require('../stage');
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
    // Its own errors are self-explanatory.
    if (!stage.isLocal) throw error;
    throw new Error(
      `${stage.uri} cannot be written and read (${error instanceof Error ? error.message : String(error)}). Grant this user access to it, or set "stage" to another folder.`,
    );
  }
  return `${stage.uri} can be written and read`;
}

async function checkFunctions(project: ProjectConfig): Promise<string> {
  const { functions } = project;
  if (functions === null) return 'no functions file: only --sql can be run. `partwise init` creates one.';
  const names = await functionNames(project);
  if (names.length > 0) return `${functions}: ${names.join(', ')}`;
  throw new Error(
    `${functions} exports no partition function: write \`export const name = definePartitionFunction({ … })\`.`,
  );
}
