import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from './is-alive';

const folders = new Map<string, string>();

/**
 * A temporary folder of this process, one for each name, that is removed when the process exits. Those of
 * processes that were killed are removed by the next one that has such a folder.
 */
export function processFolder(name: string): string {
  const known = folders.get(name);
  if (known !== undefined) return known;
  const prefix = `partwise-${name}-${numbersOf()}-`;
  const folder = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  folders.set(name, folder);
  // Only tidies up: whatever cannot be removed stays.
  removeAbandoned(prefix).catch(() => undefined);
  return folder;
}

/** Where process numbers mean the same: containers that share a temporary folder have their own. */
function numbersOf(): string {
  try {
    return readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '');
  } catch {
    return hostname().replaceAll(/[^\w.]/g, '_');
  }
}

async function removeAbandoned(prefix: string): Promise<void> {
  for (const entry of await readdir(tmpdir())) {
    const pid = entry.startsWith(prefix) ? Number(/^\d+/.exec(entry.slice(prefix.length))?.[0]) : NaN;
    if (!Number.isNaN(pid) && !isAlive(pid)) await rm(join(tmpdir(), entry), { recursive: true });
  }
}
