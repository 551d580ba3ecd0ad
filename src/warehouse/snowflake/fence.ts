/**
 * The table of commits, in the connection's schema: one row for each run and table that it has committed to.
 * It is the fence against late commits of older executions, and the record of a commit whose response was
 * lost. Each run has one more row, without a target, which transactions lock so that they are serialized.
 */
import type { CommitResult, CommitTask } from '../../core/tasks';
import { Refusal } from '../../core/refusal';
import type { Session } from '../../snowflake';
import type { CommitRows } from '../warehouse';

const COMMITS = 'PARTWISE_COMMITS';

export interface EarlierCommit {
  generation: number;
  execution: number;
  workflowRunId: string;
  target: string;
  rows: number;
  committedAt: string;
}

export class Fence {
  constructor(
    private readonly session: Session,
    private readonly task: CommitTask,
    private readonly local: Pick<CommitRows, 'lineage' | 'workflowRunId' | 'signal'>,
  ) {}

  /** Creates the table and the row to lock, if they are missing. */
  async make(): Promise<void> {
    const { runId, stageToken } = this.task;
    await this.session.run(
      `CREATE TABLE IF NOT EXISTS ${COMMITS} (RUN_ID VARCHAR, STAGE_TOKEN VARCHAR, LINEAGE VARCHAR, GENERATION NUMBER(38,0), ` +
        'EXECUTION NUMBER(38,0), WORKFLOW_RUN_ID VARCHAR, TARGET VARCHAR, ROW_COUNT NUMBER(38,0), COMMITTED_AT VARCHAR)',
    );
    await this.session.run(
      `INSERT INTO ${COMMITS} (RUN_ID, STAGE_TOKEN, TARGET) SELECT ?, ?, '' ` +
        `WHERE NOT EXISTS (SELECT 1 FROM ${COMMITS} WHERE RUN_ID = ? AND STAGE_TOKEN = ? AND TARGET = '')`,
      { binds: [runId, stageToken, runId, stageToken] },
    );
  }

  /**
   * Waits, within a transaction, for the transactions of the run's other executions. Snowflake rolls back the
   * transaction of a killed worker once it blocks another one and has been idle for five minutes.
   */
  async lock(): Promise<void> {
    const { runId, stageToken } = this.task;
    await this.session.run(
      `UPDATE ${COMMITS} SET COMMITTED_AT = ? WHERE RUN_ID = ? AND STAGE_TOKEN = ? AND TARGET = ''`,
      {
        binds: [new Date().toISOString(), runId, stageToken],
        signal: this.local.signal,
      },
    );
  }

  /**
   * Returns the run's commits, the last one for each table. A run with the same id that was removed from the
   * stage is a different run.
   */
  async read(): Promise<EarlierCommit[]> {
    const { rows } = await this.session.run(
      `SELECT GENERATION, EXECUTION, WORKFLOW_RUN_ID, TARGET, ROW_COUNT, COMMITTED_AT FROM ${COMMITS} ` +
        "WHERE RUN_ID = ? AND STAGE_TOKEN = ? AND LINEAGE = ? AND TARGET <> ''",
      { binds: [this.task.runId, this.task.stageToken, this.local.lineage] },
    );
    return rows.map(([generation, execution, workflowRunId, target, count, committedAt]) => ({
      generation: Number(generation),
      execution: Number(execution),
      workflowRunId: workflowRunId!,
      target: target!,
      rows: Number(count),
      committedAt: committedAt!,
    }));
  }

  /**
   * Returns this commit if it was made before, or null if it still has to be made. Throws if a newer
   * execution has committed.
   */
  check(earlier: readonly EarlierCommit[]): CommitResult | null {
    const { execution, runId } = this.task;
    const newest = Math.max(0, ...earlier.map((commit) => commit.execution));
    // enforces I10: executions are numbered across generations, so the number alone determines which one is
    // newer.
    if (newest > execution) {
      throw new Refusal('OutputMismatch', [
        `Execution ${execution} of run "${runId}" came too late: execution ${newest} has taken its place, so nothing was written.`,
      ]);
    }
    const same = earlier.find(({ workflowRunId }) => workflowRunId === this.local.workflowRunId);
    if (same === undefined) return null;
    const { target, rows, committedAt } = same;
    return { version: 1, target, rows, committedAt };
  }

  /** Returns this commit as recorded in the table. */
  async own(): Promise<CommitResult | null> {
    return this.check(await this.read());
  }

  async write({ target, rows, committedAt }: CommitResult): Promise<void> {
    const { runId, stageToken, generation, execution } = this.task;
    const { lineage, workflowRunId } = this.local;
    await this.session.run(
      `DELETE FROM ${COMMITS} WHERE RUN_ID = ? AND STAGE_TOKEN = ? AND TARGET <> '' AND (LINEAGE <> ? OR TARGET = ?)`,
      { binds: [runId, stageToken, lineage, target] },
    );
    await this.session.run(
      `INSERT INTO ${COMMITS} (RUN_ID, STAGE_TOKEN, LINEAGE, GENERATION, EXECUTION, WORKFLOW_RUN_ID, TARGET, ROW_COUNT, COMMITTED_AT) ` +
        'SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?',
      {
        binds: [runId, stageToken, lineage, generation, execution, workflowRunId, target, rows, committedAt],
      },
    );
  }
}
