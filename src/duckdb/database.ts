/** The in-memory DuckDB of a runner process. */
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { confine, type Confinement } from './confinement';

export interface DatabaseOptions {
  /** Memory that a query may use before it spills to `tempFolder` or fails. */
  memoryBytes: number;
  tempFolder: string;
  /** What may be read and written. Default: anything. */
  confinement?: Confinement | null;
  /** Whether the files that queries read are remembered, for `wideDecimalsIn`. */
  knowsFiles?: boolean;
}

/**
 * Opens a database with one thread, because partitions run in parallel in separate processes, and without
 * downloads of extensions, which would make a run depend on the network.
 */
export async function openDatabase(options: DatabaseOptions): Promise<DuckDBInstance> {
  const database = await DuckDBInstance.create(':memory:', {
    threads: '1',
    memory_limit: `${options.memoryBytes}B`,
    temp_directory: options.tempFolder,
    autoinstall_known_extensions: 'false',
    // It would keep parts of every file that was read, and the system caches local files anyway.
    enable_external_file_cache: String(options.knowsFiles ?? false),
  });
  const connection = await database.connect();
  // Arithmetic with TIMESTAMPTZ must not depend on the machine.
  await connection.run("SET GLOBAL TimeZone = 'UTC'");
  // As in `withDatabase`: for checks of SQL.
  await connection.run("SET GLOBAL storage_compatibility_version = 'latest'");
  // All units of a run read the same files, whose footers may be large.
  await connection.run('SET GLOBAL parquet_metadata_cache = true');
  if (options.confinement != null) await confine(connection, options.confinement);
  connection.closeSync();
  return database;
}

/**
 * A database that a runner's units share one after another, because opening one takes longer than a small
 * unit.
 */
export class KeptDatabase {
  #kept: { key: string; database: DuckDBInstance } | null = null;
  /** Whether statements other than queries have run: views and macros may read any file. */
  isChanged = false;
  /** Queries whose files are being remembered. */
  #remembering = 0;
  #switched: Promise<unknown> = Promise.resolve();

  async open(options: DatabaseOptions): Promise<DuckDBInstance> {
    const key = JSON.stringify(options);
    if (this.#kept?.key === key) return this.#kept.database;
    this.close();
    const database = await openDatabase(options);
    this.#kept = { key, database };
    return database;
  }

  /** The next `open` creates a new database. */
  close(): void {
    this.#kept?.database.closeSync();
    this.#kept = null;
    this.isChanged = false;
  }

  /** Remembers the files that are read meanwhile, for `wideDecimalsIn`. */
  async rememberingFiles<T>(connection: DuckDBConnection, work: () => Promise<T>): Promise<T> {
    // Queries may overlap, and the first that ends must not take the files of the others.
    this.#remembering++;
    try {
      await this.#remember(connection, true);
      return await work();
    } finally {
      if (--this.#remembering === 0) await this.#remember(connection, false);
    }
  }

  #remember(connection: DuckDBConnection, on: boolean): Promise<unknown> {
    const run = () => connection.run(`SET enable_external_file_cache = ${on}`);
    this.#switched = this.#switched.then(run, run);
    return this.#switched;
  }
}
