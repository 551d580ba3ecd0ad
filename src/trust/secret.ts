/**
 * The project's secret. Whoever can read it counts as the project's owner: Temporal's development server has
 * no authentication, so everything its worker acts on has an authentication code made with this key. It stays
 * in its file and in the memory of commands, host and worker (I11), and never gets into history, logs, errors
 * or the environment of other processes.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface ProjectSecret {
  readonly key: Buffer;
  /** In milliseconds since the epoch. Payloads that were recorded earlier are not sealed with this secret. */
  readonly createdAt: number;
}

/** The content of the file. */
interface SecretRecord {
  version: 1;
  /** 32 bytes in base64. */
  key: string;
  /** ISO 8601. */
  createdAt: string;
}

const KEY_BYTES = 32;

/** `folder` is the state folder. */
function secretFile(folder: string): string {
  return join(folder, 'secret.json');
}

/**
 * Returns null if the project has no secret: its embedded server was never started by this release, or the
 * file was removed.
 */
export function readSecret(folder: string): ProjectSecret | null {
  const file = secretFile(folder);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const record = parse(text);
  const key = Buffer.from(record?.key ?? '', 'base64');
  const createdAt = Date.parse(record?.createdAt ?? '');
  if (record?.version !== 1 || key.length !== KEY_BYTES || Number.isNaN(createdAt)) {
    throw new Error(
      `The project's secret, "${file}", cannot be read: it is truncated or was changed. Remove the file: the next command creates a new one. ` +
        'Runs that are open at that time are ended, and `partwise retry` continues them.',
    );
  }
  return { key, createdAt };
}

/**
 * Returns the project's secret, and creates it if there is none. The file appears atomically and is never
 * overwritten.
 */
export function ensureSecret(folder: string): ProjectSecret {
  const known = readSecret(folder);
  if (known !== null) return known;
  const record: SecretRecord = {
    version: 1,
    key: randomBytes(KEY_BYTES).toString('base64'),
    createdAt: new Date().toISOString(),
  };
  const temporary = `${secretFile(folder)}.${process.pid}-${randomBytes(6).toString('hex')}.tmp`;
  const file = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(file, JSON.stringify(record));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(temporary, secretFile(folder));
  } catch (error) {
    // Another process was first: its secret is the project's.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  return readSecret(folder)!;
}

function parse(text: string): Partial<SecretRecord> | null {
  try {
    return JSON.parse(text) as Partial<SecretRecord> | null;
  } catch {
    return null;
  }
}
