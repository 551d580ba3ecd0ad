import type { DuckDBConnection } from '@duckdb/node-api';
import type { Parameters } from './parameters';

/** Runs a statement, and interrupts it when the signal aborts. Throws the signal's reason then. */
export async function runUntilAborted(
  connection: DuckDBConnection,
  signal: AbortSignal,
  sql: string,
  parameters?: Parameters,
): Promise<void> {
  signal.throwIfAborted();
  const interrupt = (): void => connection.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    await connection.run(sql, parameters);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}
