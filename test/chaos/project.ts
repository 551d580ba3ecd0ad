/** A seed's project: its functions and configuration, and the secrets that it has. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { copyFile, mkdir, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Machine } from './machine';
import type { Scenario } from './scenario';
import type { ChaosServer } from './server';

export const REPOSITORY = resolve(__dirname, '../..');
export const TASK_QUEUE = 'chaos';

/** The key of seeds that encrypt. */
export const KEY = { id: 'chaos', env: 'PARTWISE_KEY_CHAOS' };

/** Strings that must not occur in anything left behind. */
export function canariesOf(seed: number): string[] {
  return ['config', 'apikey', 'password', 'token'].map((name) => `canary-${name}-${seed}-5a17c9`);
}

/** `folder`: everything of the seed. */
export function projectFolder(folder: string, machine: Machine): string {
  return join(machine.projectDisk?.folder ?? folder, 'project');
}

export async function writeProject(
  project: string,
  scenario: Scenario,
  { address, namespace }: ChaosServer,
  stage: string,
): Promise<void> {
  // For this process, which reads the stage and histories like any other. Of the seed, so that what a failing
  // seed leaves can be read.
  if (scenario.encrypted)
    process.env[KEY.env] = createHash('sha256').update(`chaos ${scenario.seed}`).digest('base64');
  await mkdir(join(project, 'node_modules'));
  await symlink(REPOSITORY, join(project, 'node_modules', 'partwise'));
  for (const file of ['functions.ts', 'scenario.ts', 'random.ts'])
    await copyFile(join(__dirname, file), join(project, file));
  const config = {
    functions: './functions.ts',
    warehouse: 'duckdb:./w.duckdb',
    stage: scenario.encrypted ? `encrypted:${stage}` : stage,
    temporal: {
      address,
      namespace,
      taskQueue: TASK_QUEUE,
      tls: false,
      apiKey: canariesOf(scenario.seed)[0],
      ...(scenario.encrypted && { encryption: { keys: [KEY] } }),
    },
    worker: { runners: 2 },
  };
  writeFileSync(join(project, 'partwise.config.json'), JSON.stringify(config));
}
