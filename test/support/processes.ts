import { existsSync, readFileSync } from 'node:fs';
import { until } from './until';

/** Whether a process exists and is not a zombie. */
export function isAlive(pid: number): boolean {
  try {
    return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Waits until a process that is not a child of this one is gone. */
export async function gone(pid: number): Promise<void> {
  await until(() => !isAlive(pid));
}
