/**
 * Reads a partition's rows in a run without a snapshot, by querying the table as of the run's planning.
 */
import type { Column } from '../../core/plan';
import { partitionSql, type PushDown } from '../../core/push-down';
import { Refusal } from '../../core/refusal';
import { SnowflakeError, type SessionPool } from '../../snowflake';
import { queryRows, withDatabase } from '../../duckdb/database-file';
import { literal } from '../../duckdb/quote';
import { assertCounted } from './counted-rows';
import { LOAD_PARAMETERS } from './load-parameters';
import { restoredColumns, RESTORE_MEMORY } from './restore-rows';
import { loadTexts } from './text-rows';

/** Time Travel no longer has data of that point in time, or does not know the statement. */
const EXPIRED = new Set(['000707', '000709']);

export interface PartitionQuery {
  pushDown: PushDown;
  columns: readonly Column[];
  /** ISO 8601 UTC. */
  snapshotTime: string;
  partition: { ordinal: number; id: string; rows: number };
  /** Number of the call. */
  attempt: number;
  timeoutSeconds: number;
  /** The file to write, in the snapshot's format. */
  target: string;
  tempFolder: string;
  signal: AbortSignal;
}

/** Throws a `Refusal` if Time Travel does not reach back that far. */
export async function queryPartition(pool: SessionPool, wanted: PartitionQuery): Promise<void> {
  const { pushDown, columns, partition, attempt, timeoutSeconds, target, tempFolder, signal } = wanted;
  const { from, where, values } = partitionSql(pushDown, partition.id, Date.now());
  const sql = `SELECT ${pushDown.forms} FROM ${from} WHERE ${where}`;
  const tag = { partition: partition.id, attempt };
  const options = { binds: values, signal, timeoutSeconds, parameters: LOAD_PARAMETERS, tag };
  const restored = restoredColumns(columns, String(partition.ordinal));
  try {
    await withDatabase(
      ':memory:',
      'read',
      async (connection) => {
        await connection.run(`SET memory_limit = '${RESTORE_MEMORY}'`);
        await pool.lendFor(
          (session) => loadTexts(connection, 'queried', columns.length, session.stream(sql, options)),
          signal,
        );
        const [read] = await queryRows<{ n: number }>(
          connection,
          'SELECT count(*)::DOUBLE AS n FROM queried',
        );
        assertCounted(read!.n, partition.rows, `partition "${partition.id}"`);
        await connection.run(
          `COPY (SELECT ${restored} FROM queried ORDER BY queried.rowid) TO ${literal(target)} (FORMAT parquet)`,
        );
      },
      { tempFolder },
    );
  } catch (error) {
    // enforces I1: only rows as of the snapshot's time are read.
    if (isExpired(error)) throw expired(error as SnowflakeError, wanted.snapshotTime);
    throw error;
  }
}

function isExpired(error: unknown): boolean {
  return error instanceof SnowflakeError && EXPIRED.has(error.code ?? '');
}

function expired({ message }: SnowflakeError, snapshotTime: string): Refusal {
  return new Refusal('SnapshotExpired', [
    `The table's rows as of ${snapshotTime} are no longer available: Time Travel keeps them only for the table's retention time. ` +
      `${message} Start a new run, with a snapshot on the stage ("snapshot": "stage").`,
  ]);
}
