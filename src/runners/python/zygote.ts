/**
 * The zygote of a worker: a process that has imported the packages of functions files, and forks runners. A
 * runner that is lost then costs milliseconds instead of an import of pandas. See
 * `python/partwise/_runner/zygote.py`.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PYTHON_FOLDER } from './interpreter';

const ENTRY = join(PYTHON_FOLDER, 'partwise', '_runner', 'zygote.py');

interface Zygote {
  pid: number;
  /** Absolute path of its socket. */
  socket: string;
}

/** By what they are started with. Null: it hung or ended by itself, so this process starts no other. */
const zygotes = new Map<string, Zygote | null>();

/**
 * The zygote for runners with that interpreter and `settings`, or null. Other systems than Linux have none:
 * their libraries do not tolerate a fork. Runners get their own environment; the zygote's is `env`.
 */
export function zygoteOf(
  executable: string,
  settings: readonly unknown[],
  env: Readonly<Record<string, string | undefined>>,
): Zygote | null {
  if (process.platform !== 'linux') return null;
  const key = JSON.stringify([executable, ...settings]);
  const known = zygotes.get(key);
  if (known !== undefined) return known;
  // Only this user can enter the folder. An abstract name could be connected to from a container that shares
  // the network and has the same user id.
  const folder = mkdtempSync(join(tmpdir(), 'partwise-zygote-'));
  const socket = join(folder, 'socket');
  const child = spawn(executable, ['-X', 'utf8', ENTRY, socket], {
    // Ends with this process, when its input is closed.
    stdio: ['pipe', 'ignore', 'ignore'],
    // The terminal's Ctrl-C is for the worker.
    detached: true,
    env,
  });
  const forget = (_: unknown, signal?: NodeJS.Signals | null): void => {
    // What was killed may be started again.
    if (signal === 'SIGKILL') zygotes.delete(key);
    else zygotes.set(key, null);
    rmSync(folder, { recursive: true, force: true });
  };
  child.once('error', forget).once('exit', forget);
  child.stdin.on('error', () => undefined);
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  const zygote = child.pid === undefined ? null : { pid: child.pid, socket };
  zygotes.set(key, zygote);
  return zygote;
}

/** Starts no more runners with a zygote, nor another zygote in its place. */
export function giveUp(zygote: Zygote): void {
  for (const [key, known] of zygotes) if (known === zygote) zygotes.set(key, null);
}
