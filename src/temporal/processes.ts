/** Inspects and ends processes that may not be our children. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from '../files/is-alive';

const POLL_MS = 100;

/** The command line of a running process as one string; empty if it has exited or cannot be inspected. */
export function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux')
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return execFileSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

/**
 * Resolves with true once the process has exited, or with false if it is still running after `ms` or when the
 * signal aborts.
 */
export async function gone(pid: number, ms: number, signal?: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + ms;
  while (isAlive(pid)) {
    if (Date.now() >= deadline || signal?.aborted) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** Sends SIGTERM, then SIGKILL if the process is still running after `graceMs`. */
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
    // The process has already exited.
  }
}
