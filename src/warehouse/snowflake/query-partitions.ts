/** Rows of partitions of a run without a snapshot: one query for each, of the table as it was when the run was planned. */
import type { Column } from '../../run/plan';
import { partitionSql, type PushDown } from '../../run/push-down';
import { Refusal } from '../../run/refusal';
import { poolOf, SnowflakeError, type Session, type TextRow } from '../../snowflake';
import { quoteText, withDatabase } from '../duckdb/database';
import type { IndexEntry } from '../duckdb/partition-index';
import { LOAD_PARAMETERS } from './load-parameters';
import { restoredColumns, RESTORE_MEMORY } from './restore-rows';
import { loadTexts } from './text-rows';

/** Time Travel has no data of that moment any more, or does not know the statement. */
const EXPIRED = new Set(['000707', '000709']);

/** Writes the rows as a file of the snapshot's form. `uri`: of the warehouse. */
export async function queryPartitions(queried: {
  uri: string;
  pushDown: PushDown;
  columns: readonly Column[];
  entries: readonly IndexEntry[];
  snapshotTime: string;
  target: string;
  tempFolder: string;
  signal: AbortSignal;
}): Promise<void> {
  const { uri, columns, target, tempFolder, signal, snapshotTime } = queried;
  const work = async (session: Session): Promise<void> =>
    withDatabase(
      ':memory:',
      'read',
      async (connection) => {
        await connection.run(`SET memory_limit = '${RESTORE_MEMORY}'`);
        await loadTexts(connection, 'queried', columns.length + 1, rowsOf(session, queried));
        const restored = restoredColumns(columns, `C${columns.length}`);
        await connection.run(
          `COPY (SELECT ${restored} FROM queried ORDER BY __partwise_ord, queried.rowid) TO ${quoteText(target)} (FORMAT parquet)`,
        );
      },
      { tempFolder },
    );
  try {
    await poolOf(uri.slice('snowflake:'.length)).lend(work, signal);
  } catch (error) {
    if (!(error instanceof SnowflakeError) || !EXPIRED.has(error.code ?? '')) throw error;
    // enforces I1: other rows than those of the snapshot's time are never read.
    throw new Refusal('SnapshotExpired', [
      `The table's rows of ${snapshotTime} are no longer to be had, since Time Travel keeps them for the table's retention time only: ` +
        `${error.message} Start a new run, with a snapshot on the stage ("snapshot": "stage").`,
    ]);
  }
}

async function* rowsOf(
  session: Session,
  { pushDown, entries, signal }: Parameters<typeof queryPartitions>[0],
): AsyncGenerator<readonly TextRow[]> {
  for (const { ordinal, id } of entries) {
    const { from, where, values } = partitionSql(pushDown, id, Date.now());
    const statement = `SELECT ${pushDown.forms} FROM ${from} WHERE ${where}`;
    const options = { binds: values, signal, parameters: LOAD_PARAMETERS, tag: { partition: id } };
    for await (const rows of session.stream(statement, options))
      yield rows.map((row) => [...row, String(ordinal)]);
  }
}
