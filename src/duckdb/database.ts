/** The in-memory DuckDB of a runner process. */
import { DuckDBInstance } from '@duckdb/node-api';
import { confine, type Confinement } from './confinement';

export interface DatabaseOptions {
  /** What a query may use before it spills to `tempFolder`, and then fails. */
  memoryBytes: number;
  tempFolder: string;
  /** What may be read and written; null or absent: anything. */
  confinement?: Confinement | null;
}

/**
 * One thread, because partitions run side by side in processes of their own; never a download, because an
 * extension that arrives in the middle of a run would make it depend on the network.
 */
export async function openDatabase(options: DatabaseOptions): Promise<DuckDBInstance> {
  const database = await DuckDBInstance.create(':memory:', {
    threads: '1',
    memory_limit: `${options.memoryBytes}B`,
    temp_directory: options.tempFolder,
    autoinstall_known_extensions: 'false',
    // It would keep parts of every file that was ever read, and the system caches local files anyway.
    enable_external_file_cache: 'false',
  });
  const connection = await database.connect();
  // Arithmetic with TIMESTAMPTZ must not depend on the machine.
  await connection.run("SET GLOBAL TimeZone = 'UTC'");
  // Units of a run read the same files, whose footers may be large.
  await connection.run('SET GLOBAL parquet_metadata_cache = true');
  if (options.confinement != null) await confine(connection, options.confinement);
  connection.closeSync();
  return database;
}

/**
 * A database that the units of a runner have one after the other: to open one takes longer than a small unit.
 */
export class KeptDatabase {
  #kept: { key: string; database: DuckDBInstance } | null = null;

  async open(options: DatabaseOptions): Promise<DuckDBInstance> {
    const key = JSON.stringify(options);
    if (this.#kept?.key === key) return this.#kept.database;
    this.close();
    const database = await openDatabase(options);
    this.#kept = { key, database };
    return database;
  }

  /** Whoever asks next has another. */
  close(): void {
    this.#kept?.database.closeSync();
    this.#kept = null;
  }
}
