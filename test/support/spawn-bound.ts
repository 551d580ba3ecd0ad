/** Child processes that end with this one. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';

/** The end of its standard input is the end of the process that started it. */
const GUARD = 'read -r _; kill -9 "$0" 2>/dev/null';

/**
 * Like `spawn`, but the child is killed when this process ends, however it ends: a signal handler cannot
 * outlive `kill -9`, and does not run in jest's copy of `process`.
 */
export function spawnBound(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(program, args, options);
  if (child.pid === undefined) return child;
  const guard = spawn('sh', ['-c', GUARD, String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Ctrl-C reaches the whole process group.
    detached: true,
  });
  guard.unref();
  child.once('exit', () => void guard.kill('SIGKILL'));
  return child;
}
