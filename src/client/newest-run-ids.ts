/** Ids of the newest runs, for completion in a shell. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ProjectConfig } from '../config';
import { runIdProblem } from '../input/run-id';
import { newestRuns } from '../reader/list';
import { backgroundState, connectTemporal, resolveTemporal } from '../temporal';
import type { TemporalSettings } from '../temporal/settings';

export interface NewestRunsOptions {
  limit: number;
  /** If the server does not answer by then, there are none. */
  withinMs: number;
}

export async function newestRunIds(
  project: ProjectConfig,
  { limit, withinMs }: NewestRunsOptions,
): Promise<string[]> {
  const settings = await runningServer(project);
  if (settings === null) return [];
  const ids = await Promise.race([listIds(project.projectDir, settings, limit), delay(withinMs, [])]);
  // Others may have started workflows whose ids would garble a terminal.
  return ids.filter((id) => runIdProblem(id) === null);
}

async function listIds(projectDir: string, settings: TemporalSettings, limit: number): Promise<string[]> {
  const session = await connectTemporal({ projectDir, settings });
  try {
    return (await newestRuns(session.client, limit)).map(({ runId }) => runId);
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
