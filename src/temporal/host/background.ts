/** A project's background processes, seen from outside. */
import { connectHost } from './connection';
import { endHost } from './launch';
import type { HostState } from './protocol';
import { lockFolder } from '../lock';
import { gone } from '../processes';
import { endLeftoverServer } from './server';
import { makeStateFolder, readJson, stateFolder } from '../state-folder';

const DIES_WITHIN_MS = 2_000;

/** How they fare; null when there are none. Starts nothing. */
export async function backgroundState(projectDir: string): Promise<HostState | null> {
  const host = await connectHost(stateFolder(projectDir), { attach: false });
  host?.close();
  return host?.state ?? null;
}

/** Ends them: what runs is handed back and goes on with the next command. */
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
 * Ends the project's server unless another host has taken it up. A worker whose host is gone calls this last,
 * so that no server stays for ever in the background of a project that nobody comes back to.
 */
export async function endAbandonedServer(projectDir: string): Promise<void> {
  const folder = stateFolder(projectDir);
  // A process that is being killed lets go of its channel to the worker before it lets go of its port.
  const host = readJson<{ pid: number }>(folder.hostFile);
  if (host !== null) await gone(host.pid, DIES_WITHIN_MS);
  const release = await lockFolder(folder.path, folder.lock);
  try {
    if ((await backgroundState(projectDir)) === null) await endLeftoverServer(folder);
  } finally {
    await release();
  }
}
