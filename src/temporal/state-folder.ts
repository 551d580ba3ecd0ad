/**
 * The state folder of a project: what its embedded server and its background processes keep between commands.
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
  /** How to reach the host; holds its token. */
  readonly hostFile: string;
  /** The server process last started, running or not. */
  readonly serverFile: string;
  readonly database: string;
  readonly hostLog: string;
  readonly serverLog: string;
  readonly workerLog: string;
  /** Held while a host is looked for, started or ended. */
  readonly lock: string;
}

export function stateFolder(projectDir: string): StateFolder {
  // One project by whatever path it is reached.
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

/** Makes a folder that its owner alone may look into, whoever made it before and with whatever mode. */
export function makePrivate(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const { mode, uid } = statSync(path);
  // Somebody else's, such as a volume of a container, is theirs to close.
  if ((mode & 0o077) !== 0 && uid === process.getuid?.()) chmodSync(path, 0o700);
}

/** Makes the folder where it is missing, and keeps it out of the project's version control. */
export function makeStateFolder(folder: StateFolder): void {
  try {
    makePrivate(folder.path);
    const ignore = join(folder.path, '.gitignore');
    if (!existsSync(ignore)) writeFileSync(ignore, '*\n');
  } catch (error) {
    throw new Error(
      `The state folder "${folder.path}" cannot be made (${errorText(error)}). ` +
        'The embedded Temporal server keeps its data there: run from a folder that you may write to, or name a server with TEMPORAL_ADDRESS.',
    );
  }
}

/** Readers see the old content or the new, never a half file. */
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

/** Null when there is no such file or it holds no JSON object. */
export function readJson<T extends object>(path: string): T | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof value === 'object' && value !== null ? (value as T) : null;
  } catch {
    return null;
  }
}

/** Made when the project has none yet. */
export function projectSecret(projectDir: string): ProjectSecret {
  const folder = stateFolder(projectDir);
  makeStateFolder(folder);
  return ensureSecret(folder.path);
}
