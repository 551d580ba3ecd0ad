/**
 * The state folder of a project, where its embedded server and background processes keep their data between
 * commands.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { ensureSecret, type ProjectSecret } from '../trust/secret';
import { errorText } from './problems';

export interface StateFolder {
  readonly projectDir: string;
  readonly path: string;
  /** How to connect to the host, including its token. */
  readonly hostFile: string;
  /** The most recently started server process, running or not. */
  readonly serverFile: string;
  readonly database: string;
  readonly hostLog: string;
  readonly serverLog: string;
  readonly workerLog: string;
  /** Held while finding, starting or ending a host. */
  readonly lock: string;
}

export function stateFolder(projectDir: string): StateFolder {
  // The same for every path that leads to the project.
  const real = realPath(resolve(projectDir));
  const path = join(real, '.partwise');
  return {
    projectDir: real,
    path,
    hostFile: join(path, 'host.json'),
    serverFile: join(path, 'server.json'),
    database: join(path, 'temporal.db'),
    hostLog: join(path, 'host.log'),
    serverLog: join(path, 'server.log'),
    workerLog: join(path, 'worker.log'),
    lock: join(path, 'host.lock'),
  };
}

function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

/** Creates a folder that only its owner can access, or restricts an existing one. */
export function makePrivate(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const { mode, uid } = statSync(path);
  // A folder of another user, such as a container volume, is left to its owner.
  if ((mode & 0o077) !== 0 && uid === process.getuid?.()) chmodSync(path, 0o700);
}

/** Creates the folder if it is missing, and keeps it out of version control. */
export function makeStateFolder(folder: StateFolder): void {
  try {
    makePrivate(folder.path);
    const ignore = join(folder.path, '.gitignore');
    if (!existsSync(ignore)) writeFileSync(ignore, '*\n');
  } catch (error) {
    throw new Error(
      `The state folder "${folder.path}" cannot be created (${errorText(error)}). ` +
        'The embedded Temporal server keeps its data there: use a project folder that you can write to, or set TEMPORAL_ADDRESS to another server.',
    );
  }
}

/** Writes atomically: readers see either the old or the new content. */
export function writeJson(path: string, value: unknown): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, JSON.stringify(value), { mode: 0o600 });
  try {
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Null if the file does not exist or does not contain a JSON object. */
export function readJson<T extends object>(path: string): T | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof value === 'object' && value !== null ? (value as T) : null;
  } catch {
    return null;
  }
}

/** The project's secret, created if there is none yet. */
export function projectSecret(projectDir: string): ProjectSecret {
  const folder = stateFolder(projectDir);
  makeStateFolder(folder);
  return ensureSecret(folder.path);
}
