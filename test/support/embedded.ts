/** The processes of a project's embedded server, as its state folder names them. */
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export function pidOf(folder: string, what: 'host' | 'server'): number | null {
  const file = join(folder, '.partwise', `${what}.json`);
  if (!existsSync(file)) return null;
  return (JSON.parse(readFileSync(file, 'utf8')) as { pid?: number }).pid ?? null;
}

export async function workerPid(folder: string): Promise<number> {
  const host = pidOf(folder, 'host')!;
  const children = await readFile(`/proc/${host}/task/${host}/children`, 'utf8');
  const server = pidOf(folder, 'server');
  return children
    .trim()
    .split(' ')
    .map(Number)
    .find((pid) => pid !== server)!;
}

/** `kill -9` for host, worker and server together. */
export async function killAll(folder: string): Promise<void> {
  const all = [pidOf(folder, 'host')!, await workerPid(folder), pidOf(folder, 'server')!];
  for (const pid of all) process.kill(pid, 'SIGKILL');
}
