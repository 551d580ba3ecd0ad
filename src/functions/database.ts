/** The in-memory DuckDB of a runner process. */
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

export interface DatabaseOptions {
  /** What a query may use before it spills to `tempFolder`, and then fails. */
  memoryBytes: number;
  tempFolder: string;
}

/**
 * One thread, because partitions run side by side in processes of their own; never a download, because an extension that
 * arrives in the middle of a run would make it depend on the network.
 */
export async function openDatabase(options: DatabaseOptions): Promise<DuckDBInstance> {
  return DuckDBInstance.create(':memory:', {
    threads: '1',
    memory_limit: `${options.memoryBytes}B`,
    temp_directory: options.tempFolder,
    autoinstall_known_extensions: 'false',
  });
}

/** A connection whose TIMESTAMPTZ arithmetic does not depend on the machine. */
export async function connect(database: DuckDBInstance): Promise<DuckDBConnection> {
  const connection = await database.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return connection;
}
