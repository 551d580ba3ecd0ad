/** The project's background processes: the embedded server, its worker, and the host that owns both. */
import type { ProjectConfig } from '../config';
import { countOpenRuns } from '../reader/open-runs';
import { backgroundState, endBackground } from '../temporal';
import { onRunningServer } from './running-server';
import { within } from './within';

const COUNTS_WITHIN_MS = 2_000;

/** What runs in the background for a project. */
export interface Background {
  /** Whether it is `partwise dev`, which runs in a terminal. */
  foreground: boolean;
  /** `host:port` of the server; null until it has started. */
  address: string | null;
  /** Process ids; null for a process that is not running. */
  pids: { host: number; server: number | null; worker: number | null };
  /** Runs that have not ended; null if unknown. */
  openRuns: number | null;
}

/** Null if there is none. */
export async function background({ projectDir }: ProjectConfig): Promise<Background | null> {
  const state = await backgroundState(projectDir);
  if (state === null) return null;
  const { pid, foreground, address, server, worker, openRuns } = state;
  return { foreground, address, pids: { host: pid, server: server.pid, worker: worker.pid }, openRuns };
}

/**
 * Ends the background processes and returns what they were; a worker first finishes or hands over its
 * partitions. `partwise dev` is not in the background, so it is left alone.
 */
export async function stopBackground(config: ProjectConfig): Promise<Background | null> {
  const found = await background(config);
  if (found?.foreground === true) return found;
  const openRuns = found === null ? null : await openRunsNow(config);
  await endBackground(config.projectDir);
  return found === null ? null : { ...found, openRuns: openRuns ?? found.openRuns };
}

/** The worker counts them only every half minute. Null if the server does not say in time. */
function openRunsNow(config: ProjectConfig): Promise<number | null> {
  return within(
    COUNTS_WITHIN_MS,
    onRunningServer(config, ({ client }) => countOpenRuns(client)),
  ).catch(() => null);
}
