/** Ids of the newest runs, for completion in a shell. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ProjectConfig } from '../config';
import { runIdProblem } from '../input/run-id';
import { Visibility } from '../reader/visibility';
import { backgroundState, connectTemporal, resolveTemporal } from '../temporal';
import type { TemporalSettings } from '../temporal/settings';

export interface NewestRunsOptions {
  limit: number;
  /** Only ids that begin with it. */
  prefix: string;
  /** If the server does not answer by then, there are none. */
  withinMs: number;
}

export async function newestRunIds(
  project: ProjectConfig,
  { limit, prefix, withinMs }: NewestRunsOptions,
): Promise<string[]> {
  const settings = await runningServer(project);
  if (settings === null) return [];
  const ids = await Promise.race([listIds(project.projectDir, settings, limit, prefix), delay(withinMs, [])]);
  // Others may have started workflows whose ids would garble a terminal.
  return ids.filter((id) => runIdProblem(id) === null);
}

/** Costs one request for 100 executions: what each of them did does not matter here. */
async function listIds(
  projectDir: string,
  settings: TemporalSettings,
  limit: number,
  prefix: string,
): Promise<string[]> {
  const session = await connectTemporal({ projectDir, settings });
  try {
    const ids = new Set<string>();
    for await (const { execution } of new Visibility(session.client).runs(prefix)) {
      ids.add(execution!.workflowId!);
      if (ids.size >= limit) break;
    }
    return [...ids];
  } finally {
    await session.close();
  }
}

/**
 * A key press must neither start nor replace the project's own server, as connecting to it may: if it runs,
 * its address is used as that of a configured one.
 */
async function runningServer({ projectDir, temporal }: ProjectConfig): Promise<TemporalSettings | null> {
  if (resolveTemporal(temporal, process.env).kind === 'named') return temporal;
  const { address } = (await backgroundState(projectDir)) ?? { address: null };
  if (address === null) return null;
  return { ...temporal, address, namespace: temporal.namespace ?? 'default', tls: false };
}
