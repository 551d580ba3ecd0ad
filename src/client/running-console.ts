/** A project's running console, which its state folder names: a second `partwise console` finds it there. */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from '../files/is-alive';
import { makeStateFolder, readJson, stateFolder, writeJson } from '../temporal/state-folder';

interface Recorded {
  pid: number;
  /** Address with the token. */
  url: string;
  /** What it serves, as `settings` says. */
  settings: string;
}

const ANSWERS_WITHIN_MS = 2_000;

/** Equal for two commands that would serve the same: the same flags and variables of the connection. */
function settingsOf(flags: object): string {
  const variables = Object.entries(process.env).filter(([name]) => name.startsWith('TEMPORAL_'));
  // A digest, since variables may be credentials.
  return createHash('sha256')
    .update(JSON.stringify([flags, variables.sort()]))
    .digest('hex');
}

/** The address of the console that serves the project with these flags; null if none answers. */
export async function findConsole(projectDir: string, flags: object): Promise<string | null> {
  const recorded = readJson<Recorded>(fileOf(projectDir));
  if (recorded === null || recorded.settings !== settingsOf(flags)) return null;
  const token = new URL(recorded.url).hash.replace('#token=', '');
  try {
    const { ok } = await fetch(new URL('api/v1/project', recorded.url), {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(ANSWERS_WITHIN_MS),
    });
    return ok ? recorded.url : null;
  } catch {
    // It was killed.
    return null;
  }
}

/**
 * Records this process as the project's console. Returns a function that removes the record, and names again
 * the console that it named before, which serves other settings and may still run.
 */
export function recordConsole(projectDir: string, url: string, flags: object): () => void {
  const file = fileOf(projectDir);
  makeStateFolder(stateFolder(projectDir));
  const before = readJson<Recorded>(file);
  writeJson(file, { pid: process.pid, url, settings: settingsOf(flags) } satisfies Recorded);
  return () => {
    // A console that was started later may have replaced it.
    if (readJson<Recorded>(file)?.pid !== process.pid) return;
    if (before !== null && isAlive(before.pid)) writeJson(file, before);
    else rmSync(file, { force: true });
  };
}

function fileOf(projectDir: string): string {
  return join(stateFolder(projectDir).path, 'console.json');
}
