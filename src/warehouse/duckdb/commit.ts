/**
 * Writes a run's combined rows to a table in one transaction (I10), or to a file that is renamed into place.
 */
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { widened, type Confinement } from '../../duckdb/confinement';
import type { Column, OutputPlan } from '../../core/plan';
import type { CommitResult, CommitTask } from '../../core/tasks';
import { Refusal } from '../../core/refusal';
import { makeFolder } from '../../files/folders';
import { renameDurably, syncFile } from '../../files/durable';
import type { CommitRows } from '../warehouse';
import { combinedRows } from '../../rows/combined-rows';
import { indexKeys, restoringClause, storedSql } from '../../rows/storable';
import { inTransaction, queryRows, withDatabase } from '../../duckdb/database-file';
import { identifier, literal } from '../../duckdb/quote';
import { needsFile } from './output-check';
import { fitTable } from './output-columns';
import { quoteTable } from './source';

/**
 * One row for each run and table that it has committed to: the fence, and the record of a commit whose
 * response was lost.
 */
const COMMITS = '"partwise_commits"';

/** If `confinement` is null, any file may be read. The commit's own files are added to it. */
export function commitRows(
  path: string,
  task: CommitTask,
  local: CommitRows,
  confinement: Confinement | null,
): Promise<CommitResult> {
  const { output } = task;
  const own = [local.index, ...local.rows.map(({ file }) => file)];
  const confined = confinement === null ? null : widened(confinement, { paths: own });
  if ('table' in output) return commitTable(path, task, output, local, confined);
  if ('file' in output) return writeFile(task, output, local, confined);
  throw new Error('Models are not rows: see activities/register-models.');
}

async function commitTable(
  path: string,
  task: CommitTask,
  output: Extract<OutputPlan, { table: string }>,
  local: CommitRows,
  confinement: Confinement | null,
): Promise<CommitResult> {
  if (path === ':memory:') {
    throw new Refusal('InvalidInput', [needsFile(`The output table "${output.table}"`)]);
  }
  const { signal } = local;
  // The fence, the rows and the record of the commit change together.
  const work = (connection: DuckDBConnection): Promise<CommitResult> =>
    inTransaction(connection, async () => {
      const result = await replaceRows(connection, task, output, local);
      signal.throwIfAborted();
      return result;
    });
  return withDatabase(path, 'write', work, { signal, confinement });
}

async function replaceRows(
  connection: DuckDBConnection,
  task: CommitTask,
  output: Extract<OutputPlan, { table: string }>,
  local: CommitRows,
): Promise<CommitResult> {
  const target = quoteTable(output.table);
  const earlier = await commitsBefore(connection, task, local);
  const same = earlier.find(({ workflow_run_id: id }) => id === local.workflowRunId);
  if (same !== undefined) {
    // This commit was made before and its response was lost: it is not repeated.
    return { version: 1, target: same.target, rows: Number(same.rows), committedAt: same.committed_at };
  }
  const before = earlier.find((row) => row.target === output.table && row.generation === task.generation);
  // enforces I10: rows that an earlier execution of the generation has appended are not appended again.
  const fresh = output.mode === 'append' && before !== undefined ? local.doneAfter(before.execution) : null;
  const combined = await combinedRows(connection, task.keyColumns, local.rows, fresh);
  const existing = await columnsOfTable(connection, target);
  // Without any row, only the key columns are known: no table is created, and one that exists keeps its
  // columns.
  const isEmpty = local.rows.length === 0;
  let written = combined.columns.map(({ name }) => ({ name, value: identifier(name) }));
  if (existing === null && !isEmpty) {
    await connection.run(`CREATE TABLE ${target} AS SELECT * FROM (${combined.sql}) LIMIT 0`);
  } else if (existing !== null && !isEmpty) {
    const kept = keptRows(task, output, target, local);
    const place = { output, name: target, columns: existing, kept, keyColumns: task.keyColumns };
    written = await fitTable(connection, place, combined);
  }
  if (existing !== null && output.mode === 'replace') await connection.run(`DELETE FROM ${target}`);
  if (existing !== null && output.mode === 'partitions') {
    await connection.run(deletePartitionsSql(task, target, local));
  }
  const names = written.map(({ name }) => identifier(name)).join(', ');
  const values = written.map(({ value }) => value).join(', ');
  if (!isEmpty)
    await connection.run(`INSERT INTO ${target} (${names}) SELECT ${values} FROM (${combined.sql})`);
  const result: CommitResult = {
    version: 1,
    target: output.table,
    rows: combined.rows,
    committedAt: new Date().toISOString(),
  };
  await connection.run(
    `DELETE FROM ${COMMITS} WHERE run_id = $1 AND stage = $2 AND (lineage IS DISTINCT FROM $3 OR target = $4)`,
    [task.runId, task.stageToken, local.lineage, result.target],
  );
  await connection.run(
    `INSERT INTO ${COMMITS} (run_id, stage, lineage, generation, execution, workflow_run_id, target, rows, committed_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      task.runId,
      task.stageToken,
      local.lineage,
      task.generation,
      task.execution,
      local.workflowRunId,
      result.target,
      result.rows,
      result.committedAt,
    ],
  );
  return result;
}

/** Deletes the rows of this run's DONE partitions, including those that returned no rows this time. */
function deletePartitionsSql(task: CommitTask, target: string, local: CommitRows): string {
  return `DELETE FROM ${target} WHERE ${isDone(task, target, local)}`;
}

/** Whether a row of the table belongs to one of this run's DONE partitions. */
function isDone({ keyColumns }: CommitTask, target: string, { index, notDone }: CommitRows): string {
  const match = keyColumns
    .map(({ name }, i) => `${target}.${identifier(name)} IS NOT DISTINCT FROM done.key_${i}`)
    .join(' AND ');
  const except = notDone.length === 0 ? '' : ` WHERE ord NOT IN (${notDone.join(', ')})`;
  const keys = restoringClause(indexKeys(keyColumns));
  const done = `SELECT *${keys} FROM read_parquet(${literal(index)})${except}`;
  return `EXISTS (SELECT 1 FROM (${done}) AS done WHERE ${match})`;
}

/** SELECT of the table's rows that the commit leaves there; null: none. */
function keptRows(
  task: CommitTask,
  { mode }: Extract<OutputPlan, { table: string }>,
  target: string,
  local: CommitRows,
): string | null {
  if (mode === 'replace') return null;
  return `SELECT * FROM ${target}${mode === 'append' ? '' : ` WHERE NOT ${isDone(task, target, local)}`}`;
}

interface EarlierCommit {
  generation: number;
  execution: number;
  workflow_run_id: string;
  target: string;
  rows: bigint;
  committed_at: string;
}

/** Returns the run's commits, the last one for each table. Refuses a late commit of an older execution. */
async function commitsBefore(
  connection: DuckDBConnection,
  task: CommitTask,
  { lineage }: CommitRows,
): Promise<EarlierCommit[]> {
  await connection.run(
    `CREATE TABLE IF NOT EXISTS ${COMMITS} (run_id VARCHAR, stage VARCHAR, generation INTEGER, execution INTEGER, target VARCHAR, rows BIGINT, committed_at VARCHAR)`,
  );
  for (const column of ['lineage', 'workflow_run_id'])
    await connection.run(`ALTER TABLE ${COMMITS} ADD COLUMN IF NOT EXISTS ${column} VARCHAR`);
  // A run with the same id that was removed from the stage is a different run, whatever its numbers.
  const found = await queryRows<EarlierCommit>(
    connection,
    `SELECT generation, execution, workflow_run_id, target, rows, committed_at FROM ${COMMITS}
     WHERE run_id = $1 AND stage = $2 AND lineage = $3`,
    [task.runId, task.stageToken, lineage],
  );
  const newest = Math.max(0, ...found.map(({ execution }) => execution));
  // enforces I10
  if (newest > task.execution) throw tooLate(task, newest);
  return found;
}

/** Executions are numbered across generations, so the number alone determines which one is newer. */
function tooLate({ execution, runId }: CommitTask, newer: number): Refusal {
  return new Refusal('OutputMismatch', [
    `Execution ${execution} of run "${runId}" came too late: execution ${newer} has taken its place, so nothing was written.`,
  ]);
}

async function columnsOfTable(connection: DuckDBConnection, target: string): Promise<Column[] | null> {
  try {
    const found = await queryRows<{ column_name: string; column_type: string }>(
      connection,
      `DESCRIBE SELECT * FROM ${target}`,
    );
    return found.map(({ column_name: name, column_type: type }) => ({ name, type }));
  } catch (error) {
    if (error instanceof Error && /Catalog Error/.test(error.message)) return null;
    throw error;
  }
}

/** Rows for a Parquet file that others read: 128-bit integers are DECIMALs if a column's values all fit. */
async function forParquet(
  connection: DuckDBConnection,
  sql: string,
  columns: readonly Column[],
): Promise<string> {
  const values: string[] = [];
  for (const { name, type } of columns) {
    const column = identifier(name);
    const isWide = type === 'HUGEINT' || type === 'UHUGEINT';
    const tooWide = `${column} IS NOT NULL AND TRY_CAST(${column} AS DECIMAL(38,0)) IS NULL`;
    const fits =
      isWide && (await queryRows(connection, `SELECT 1 FROM (${sql}) WHERE ${tooWide} LIMIT 1`)).length === 0;
    values.push(`${fits ? `CAST(${column} AS DECIMAL(38,0))` : storedSql(column, type)} AS ${column}`);
  }
  return `SELECT ${values.join(', ')} FROM (${sql})`;
}

async function writeFile(
  task: CommitTask,
  output: Extract<OutputPlan, { file: string }>,
  local: CommitRows,
  confinement: Confinement | null,
): Promise<CommitResult> {
  await makeFolder(dirname(output.file));
  const partial = `${output.file}.partial-${task.execution}-${process.pid}`;
  try {
    const write = async (connection: DuckDBConnection): Promise<number> => {
      const combined = await combinedRows(connection, task.keyColumns, local.rows);
      const format = output.format === 'csv' ? 'FORMAT csv, HEADER' : 'FORMAT parquet';
      const select =
        output.format === 'csv' ? combined.sql : await forParquet(connection, combined.sql, combined.columns);
      await connection.run(`COPY (${select}) TO ${literal(partial)} (${format})`);
      return combined.rows;
    };
    const confined = confinement === null ? null : widened(confinement, { paths: [partial] });
    const rows = await withDatabase(':memory:', 'read', write, { confinement: confined });
    const newest = await local.newestExecution();
    // enforces I10, as far as files allow: a newer execution could still write between this line and the
    // next.
    if (newest > task.execution) throw tooLate(task, newest);
    local.signal.throwIfAborted();
    // Must be durable: history will say that the file exists, and the previous file is lost.
    await syncFile(partial);
    await renameDurably(partial, output.file);
    return { version: 1, target: output.file, rows, committedAt: new Date().toISOString() };
  } finally {
    await rm(partial, { force: true });
  }
}
