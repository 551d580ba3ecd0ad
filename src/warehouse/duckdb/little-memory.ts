import type { DuckDBConnection } from '@duckdb/node-api';
import { queryRows } from '../../duckdb/database-file';
import { isPrepared } from '../../duckdb/setup';
import { runUntilAborted } from './interrupt';

/** A sort that writes what is beyond this to the disk takes no longer than one with twice as much. */
const MEMORY = '1GiB';

/**
 * Runs a statement that needs less memory than DuckDB would take, which is 80 % of the machine's: the
 * machine has runners too. If that is not enough, as for rows of many megabytes, it runs with all again.
 */
export async function runWithLittleMemory(
  connection: DuckDBConnection,
  signal: AbortSignal,
  sql: string,
  memory = MEMORY,
): Promise<void> {
  const [settings] = await queryRows<{ memory: string; areLocked: boolean }>(
    connection,
    `SELECT current_setting('memory_limit') AS memory, current_setting('lock_configuration') AS "areLocked"`,
  );
  // A setup may have set another limit.
  if (settings!.areLocked || isPrepared(connection)) return runUntilAborted(connection, signal, sql);
  await connection.run(`SET memory_limit = '${memory}'`);
  try {
    return await runUntilAborted(connection, signal, sql);
  } catch (error) {
    if (!/Out of Memory/i.test(String(error))) throw error;
  } finally {
    // After RESET, the lower limit would still apply.
    await connection.run(`SET memory_limit = '${settings!.memory}'`);
  }
  await runUntilAborted(connection, signal, sql);
}
