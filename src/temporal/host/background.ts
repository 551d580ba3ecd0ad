/** Inspects and ends a project's background processes. */
import { connectHost } from './connection';
import { endHost } from './launch';
import type { HostState } from './protocol';
import { lockFolder } from '../lock';
import { gone } from '../processes';
import { endLeftoverServer } from './server';
import { makeStateFolder, readJson, stateFolder } from '../state-folder';

const EXIT_TIMEOUT_MS = 2_000;

/** The state of the host, or null if there is none. Starts nothing. */
export async function backgroundState(projectDir: string): Promise<HostState | null> {
  const host = await connectHost(stateFolder(projectDir), { attach: false });
  host?.close();
  return host?.state ?? null;
}

/** Ends the background processes. Running partitions are handed back, and continue with the next command. */
export async function endBackground(projectDir: string): Promise<void> {
  const folder = stateFolder(projectDir);
  makeStateFolder(folder);
  const release = await lockFolder(folder.path, folder.lock);
  try {
    const host = await connectHost(folder, { attach: false });
    if (host !== null) await endHost(host);
    else await endLeftoverServer(folder);
  } finally {
    await release();
  }
}

/**
 * Ends the project's server unless another host has taken it over. A worker whose host is gone calls this
 * last, so that the server of an abandoned project does not stay in the background forever.
 */
export async function endAbandonedServer(projectDir: string): Promise<void> {
  const folder = stateFolder(projectDir);
  // A process that is being killed closes its channel to the worker before it releases its port.
  const host = readJson<{ pid: number }>(folder.hostFile);
  if (host !== null) await gone(host.pid, EXIT_TIMEOUT_MS);
  const release = await lockFolder(folder.path, folder.lock);
  try {
    if ((await backgroundState(projectDir)) === null) await endLeftoverServer(folder);
  } finally {
    await release();
  }
}
