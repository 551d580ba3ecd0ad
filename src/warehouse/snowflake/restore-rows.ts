/**
 * Converts rows from Snowflake to the format that the rest of Partwise reads: with the snapshot's types, and
 * sorted by partition. Within a partition they keep the order of the files and of the rows in them; a
 * Snowflake table itself has no order.
 */
import type { Column } from '../../core/plan';
import { queryRows, withDatabase } from '../../duckdb/database-file';
import { identifier, literal } from '../../duckdb/quote';
import type { UnloadedFiles } from '../warehouse';
import { restoreSql } from './column-types';

/** Small, because a worker may sort several units at the same time, in addition to its runners. */
export const RESTORE_MEMORY = '1GB';
const ROWS_PER_FILE = 1_000_000_000_000;

/** The selected column with a row's ordinal. */
const ORD = 'PARTWISE_ORD';

/** The SELECT list of restored columns and `__partwise_ord`. `ord` is SQL for the ordinal. */
export function restoredColumns(columns: readonly Column[], ord: string): string {
  return [
    ...columns.map(({ name, type }, i) => `${restoreSql(type, `C${i}`)} AS ${identifier(name)}`),
    `CAST(${ord} AS INTEGER) AS __partwise_ord`,
  ].join(', ');
}

/** Writes unloaded files as one in the snapshot's format. Throws unless they have exactly `rows` rows. */
export async function restoreRows(unloaded: UnloadedFiles): Promise<void> {
  const { files, columns, rows, target, tempFolder, signal } = unloaded;
  const list = `[${files.map(literal).join(', ')}]`;
  const read = `read_parquet(${list}, binary_as_string = true, filename = 'partwise_file', file_row_number = true) AS data`;
  const row = `list_position(${list}, data.partwise_file) * ${ROWS_PER_FILE} + data.file_row_number`;
  await withDatabase(
    ':memory:',
    'read',
    async (connection) => {
      await connection.run(`SET memory_limit = '${RESTORE_MEMORY}'`);
      await connection.run('SET threads = 1');
      const interrupt = (): void => connection.interrupt();
      signal.addEventListener('abort', interrupt, { once: true });
      try {
        signal.throwIfAborted();
        const [found] = await queryRows<{ n: number }>(
          connection,
          `SELECT count(*)::DOUBLE AS n FROM ${read}`,
        );
        // enforces I1: missing or changed files are noticed before any row is used.
        if (found!.n !== rows) {
          throw new Error(
            `The unloaded files have ${found!.n} rows, but the plan counted ${rows}: files were changed, removed or added. Start a new run.`,
          );
        }
        await connection.run(
          `COPY (SELECT ${restoredColumns(columns, ORD)} FROM ${read} ORDER BY __partwise_ord, ${row}) TO ${literal(target)} (FORMAT parquet)`,
        );
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        signal.removeEventListener('abort', interrupt);
      }
    },
    { tempFolder },
  );
}
