/** The project's server for those who only want to ask it something, and can do without. */
import type { ProjectConfig } from '../config';
import { backgroundState, connectTemporal, resolveTemporal } from '../temporal';
import type { TemporalSession } from '../temporal/connection';
import type { TemporalSettings } from '../temporal/settings';

/** Null if no server is running. */
export async function onRunningServer<T>(
  project: ProjectConfig,
  work: (session: TemporalSession) => Promise<T>,
): Promise<T | null> {
  const settings = await runningServer(project);
  if (settings === null) return null;
  const session = await connectTemporal({ projectDir: project.projectDir, settings });
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/**
 * Asking must neither start nor replace the project's own server, as connecting to it may: if it runs, its
 * address is used as that of a configured one.
 */
async function runningServer({ projectDir, temporal }: ProjectConfig): Promise<TemporalSettings | null> {
  if (resolveTemporal(temporal, process.env).kind === 'named') return temporal;
  const { address } = (await backgroundState(projectDir)) ?? { address: null };
  if (address === null) return null;
  return { ...temporal, address, namespace: temporal.namespace ?? 'default', tls: false };
}
