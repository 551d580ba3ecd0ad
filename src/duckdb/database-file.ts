import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { confine, type Confinement } from './confinement';
import { Refusal } from '../core/refusal';
import type { DuckDbSetup } from './setup';

/** How long another program may lock the file before that is reported. */
const LOCK_WAIT_MS = 10_000;

/** The file is locked by another program. Activities are retried, since the lock may be released. */
export class WarehouseLocked extends Error {
  override name = 'WarehouseLocked';
}

/** The last piece of this process's work on each file: work on one file is serialized. */
const lastWork = new Map<string, Promise<unknown>>();

/**
 * Runs `work` once nothing else in this process uses the file. DuckDB's lock excludes other processes, but
 * not this one: two instances of one file would overwrite each other's data, and closing the first would
 * release the lock of the second.
 */
async function serialized<T>(path: string, work: () => Promise<T>): Promise<T> {
  if (path === ':memory:') return work();
  // enforces I10
  const before = lastWork.get(path) ?? Promise.resolve();
  const own = before.then(work, work);
  const settled = own.catch(() => {});
  lastWork.set(path, settled);
  void settled.then(() => {
    if (lastWork.get(path) === settled) lastWork.delete(path);
  });
  return own;
}

export interface OpenOptions {
  tempFolder?: string;
  /** Such as `1GiB`. The setup may change it. Default: DuckDB's, 80 % of the machine's. */
  memory?: string;
  /** Aborts the wait for a locked file. */
  signal?: AbortSignal;
  /**
   * Called once when the file has been locked for 10 s; the wait then continues. Without it, the wait ends
   * with `WarehouseLocked`.
   */
  onLocked?: (message: string) => void;
  /** Run before anything else, and before the confinement applies. */
  setup?: DuckDbSetup | null;
  /** Whether tables keep the order in which their rows are read, for which threads wait. Default: true. */
  keepsOrder?: boolean;
  /** What may be read and written in addition to the database itself. Default: anything. */
  confinement?: Confinement | null;
}

/** Opens another connection to a database: statements of one connection run one after the other. */
export type Connect = () => Promise<DuckDBConnection>;

/**
 * Opens the database, runs `work` on one connection and closes everything. DuckDB locks files per process, so
 * the file is open only while `work` runs, and read-only unless `mode` is `write`.
 */
export function withDatabase<T>(
  path: string,
  mode: 'read' | 'write',
  work: (connection: DuckDBConnection, connect: Connect) => Promise<T>,
  options: OpenOptions = {},
): Promise<T> {
  return serialized(path, () => openAndRun(path, mode, work, options));
}

async function openAndRun<T>(
  path: string,
  mode: 'read' | 'write',
  work: (connection: DuckDBConnection, connect: Connect) => Promise<T>,
  options: OpenOptions,
): Promise<T> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const settings: Record<string, string> = { autoinstall_known_extensions: 'false' };
  if (options.tempFolder !== undefined) settings.temp_directory = options.tempFolder;
  if (options.memory !== undefined) settings.memory_limit = options.memory;
  if (options.keepsOrder === false) settings.preserve_insertion_order = 'false';
  if (path !== ':memory:' && mode === 'read') {
    if (!existsSync(path)) {
      throw new Refusal('SourceMissing', [
        `There is no warehouse file "${path}": create it, or name another with --warehouse duckdb:PATH.`,
      ]);
    }
    settings.access_mode = 'READ_ONLY';
  }
  const instance = await openWhenUnlocked(() => DuckDBInstance.create(path, settings), path, options);
  try {
    const connection = await instance.connect();
    try {
      await connection.run("SET TimeZone = 'UTC'");
      // `json_serialize_sql`, by which SQL is checked, writes the form of an old release by default, which
      // has no ENUM within another type. A database that is written keeps that form.
      if (mode === 'read') await connection.run("SET storage_compatibility_version = 'latest'");
      await options.setup?.run(connection);
      // By this, the Parquet files that a query has read are found (`wide-decimals.ts`).
      if (mode === 'read') await connection.run('SET enable_external_file_cache = true');
      if (options.confinement != null) await confine(connection, options.confinement);
      return await work(connection, () => instance.connect());
    } catch (error) {
      throw options.setup == null ? error : options.setup.hiding(error);
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

async function openWhenUnlocked<T>(
  open: () => Promise<T>,
  path: string,
  { signal, onLocked }: OpenOptions,
): Promise<T> {
  const reportAt = Date.now() + LOCK_WAIT_MS;
  let reported = false;
  for (let wait = 50; ; wait = Math.min(wait * 2, 1_000)) {
    try {
      return await open();
    } catch (error) {
      signal?.throwIfAborted();
      const message = error instanceof Error ? error.message : String(error);
      if (!isLock(message)) throw error;
      if (Date.now() > reportAt && !reported) {
        const holder = /held in (.+?) \(PID (\d+)\)/.exec(message);
        const locked = `The warehouse file "${path}" is locked by ${holder ? `${holder[1]} (process ${holder[2]})` : 'another program'}`;
        if (onLocked === undefined) throw new WarehouseLocked(`${locked}: close it there and try again.`);
        onLocked(`${locked}: waiting until it is closed there.`);
        reported = true;
      }
      await sleep(wait);
    }
  }
}

function isLock(message: string): boolean {
  return /could not set lock|conflicting lock/i.test(message);
}

/** Runs `work` in a transaction. */
export async function inTransaction<T>(connection: DuckDBConnection, work: () => Promise<T>): Promise<T> {
  // enforces I10
  await connection.run('BEGIN TRANSACTION');
  try {
    const result = await work();
    await connection.run('COMMIT');
    return result;
  } catch (error) {
    // A COMMIT that failed has already ended the transaction; the first error is the one to report.
    await connection.run('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** Returns the rows of a query as plain objects. */
export async function queryRows<T>(
  connection: DuckDBConnection,
  sql: string,
  values: unknown[] = [],
): Promise<T[]> {
  const reader = await connection.runAndReadAll(sql, values as never);
  return reader.getRowObjectsJS() as T[];
}

/**
 * DuckDB's message about a problem with the user's SQL or data, which a retry would not change, without its
 * excerpt of the statement. Null for other errors (locks, disks, memory).
 */
export function userProblem(error: unknown): string | null {
  const message = error instanceof Error ? error.message : '';
  const found =
    /^(?:Failed to extract statements: )?((?:Parser|Binder|Catalog|Conversion|Invalid Input|Out of Range|Invalid|Constraint|Permission|Not implemented|Missing Extension|Extension Autoloading|HTTP|IO|Type|Mismatch Type|Sequence|Settings|Dependency) Error.*)/s.exec(
      message,
    );
  if (found === null || isLock(message) || /No space left|Resource temporarily/i.test(message)) return null;
  // A line of a file may be megabytes long.
  const lines = found[1]!.split('\n\n')[0]!.trim().split('\n');
  return lines.map((line) => (line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line)).join('\n');
}

const MAX_LINE = 1_000;
