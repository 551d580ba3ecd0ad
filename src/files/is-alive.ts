import { readFileSync } from 'node:fs';

/** Whether a process runs, of whatever user. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  if (process.platform !== 'linux') return true;
  // Without an init that reaps it, as in many containers, an orphaned process may stay a zombie; a process
  // that is just being reaped has no state.
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
