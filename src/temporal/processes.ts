/** Processes that may not be our children: whether they live, what they are, and how they are ended. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 100;

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  if (process.platform !== 'linux') return true;
  // A process whose parent is gone may stay as a zombie where no init reaps it, as in many containers; one
  // that is reaped at this moment has no state any more.
  const state = processState(pid);
  return state !== undefined && state !== 'Z' && state !== 'X';
}

function processState(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  } catch {
    return undefined;
  }
}

/** Arguments of a running process, as one text; empty when it is gone or cannot be seen. */
export function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux')
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return execFileSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

/** Resolves true once the process is gone, false when it is still there after `ms` or the signal aborts. */
export async function gone(pid: number, ms: number, signal?: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + ms;
  while (isAlive(pid)) {
    if (Date.now() >= deadline || signal?.aborted) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** SIGTERM, and SIGKILL for what is still there after `graceMs`. */
export async function endProcess(pid: number, graceMs: number): Promise<void> {
  send(pid, 'SIGTERM');
  if (await gone(pid, graceMs)) return;
  send(pid, 'SIGKILL');
  await gone(pid, graceMs);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}
