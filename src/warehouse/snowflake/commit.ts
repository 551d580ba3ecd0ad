/**
 * Writes a run's combined rows to a table (I10): they are first loaded into a separate table, and then moved
 * in one transaction together with the fence's row. Columns are changed before the transaction, since DDL
 * would end it. SWAP is not used: it is DDL, and repeating it swaps back.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { OutputPlan } from '../../core/plan';
import type { CommitResult, CommitTask } from '../../core/tasks';
import { sha256Of } from '../../files/digest';
import {
  isUnknownObject,
  SnowflakeError,
  type ResultColumn,
  type Session,
  type SessionPool,
} from '../../snowflake';
import { quoteName, quoteText, tableName } from '../../snowflake/names';
import { roundedByDouble } from '../../rows/combine';
import { combinedRows, type CombinedRows } from '../../rows/combined-rows';
import { queryRows, withDatabase } from '../../duckdb/database-file';
import { identifier, literal as quoteForDuckDb } from '../../duckdb/quote';
import type { CommitRows } from '../warehouse';
import { Fence, type EarlierCommit } from './fence';
import { LOAD_PARAMETERS } from './load-parameters';
import { formsOf, outputColumns, type OutputColumn, type Values } from './output-columns';
import { finishReplacements, withoutReplacements } from './retyped-columns';

type TableOutput = Extract<OutputPlan, { table: string }>;

/** Timeout of one statement; the activity's is the same for all of them together. */
const TIMEOUT_SECONDS = 6 * 3600;

export async function commitTable(
  pool: SessionPool,
  task: CommitTask,
  output: TableOutput,
  local: CommitRows,
  scratch: string,
): Promise<CommitResult> {
  try {
    return await pool.lend(
      (session) => new TableCommit(session, task, output, local, scratch).run(),
      local.signal,
    );
  } catch (error) {
    if (!(error instanceof SnowflakeError) || error.remedy === 'none') throw error;
    // The response to COMMIT may have been lost: the fence's row shows whether it succeeded.
    const made = await pool.lend((session) => new Fence(session, task, local).own());
    if (made === null) throw error;
    return made;
  }
}

class TableCommit {
  readonly #target: string;
  readonly #fence: Fence;
  /** Prefix of the names of this commit's tables, in all of its attempts. */
  readonly #run: string;
  readonly #attempt = randomUUID().slice(0, 8).toUpperCase();

  constructor(
    private readonly session: Session,
    private readonly task: CommitTask,
    private readonly output: TableOutput,
    private readonly local: CommitRows,
    private readonly scratch: string,
  ) {
    this.#target = tableName(output.table);
    this.#fence = new Fence(session, task, local);
    const who = sha256Of(JSON.stringify([task.runId, task.stageToken]));
    this.#run = `PARTWISE_LOAD_${who.slice(0, 16).toUpperCase()}_`;
  }

  async run(): Promise<CommitResult> {
    try {
      await this.#fence.make();
      const earlier = await this.#fence.read();
      return this.#fence.check(earlier) ?? (await this.#load(earlier));
    } finally {
      await this.#dropLeftovers().catch(() => {});
    }
  }

  async #load(earlier: readonly EarlierCommit[]): Promise<CommitResult> {
    const { task, output, local, session } = this;
    const before = this.#lastOfTable(earlier);
    // Rows that an earlier execution of the generation has appended are not appended again.
    const fresh = output.mode === 'append' && before !== undefined ? local.doneAfter(before.execution) : null;
    const columnsNow = await this.#existing();
    if (columnsNow !== null) await finishReplacements(session, this.#target, columnsNow);
    const existing = columnsNow && withoutReplacements(columnsNow);
    // Without any row, only the key columns are known: no table is created, and one that exists keeps its
    // columns.
    const isEmpty = local.rows.length === 0;
    const hasTable = existing !== null || !isEmpty;
    const rowsFile = join(this.scratch, 'rows.parquet');
    const keysFile = join(this.scratch, 'keys.parquet');
    const { columns, rows } = await withDatabase(
      ':memory:',
      'read',
      async (connection) => {
        const combined = await combinedRows(connection, task.keyColumns, local.rows, fresh);
        const values = this.#valuesOf(connection, combined);
        const wanted = { ...output, evolve: output.evolve || isEmpty };
        const targets = await outputColumns(combined, task.keyColumns, existing, wanted, values);
        await connection.run(
          `COPY (SELECT ${formsOf(targets)} FROM (${combined.sql})) TO ${quoteForDuckDb(rowsFile)} (FORMAT parquet)`,
        );
        if (output.mode === 'partitions') {
          const done = local.notDone.length === 0 ? '' : ` WHERE ord NOT IN (${local.notDone.join(', ')})`;
          const keys = formsOf(this.#keys(targets).map((key, i) => ({ ...key, name: `key_${i}` })));
          await connection.run(
            `COPY (SELECT ${keys} FROM read_parquet(${quoteForDuckDb(local.index)})${done}) TO ${quoteForDuckDb(keysFile)} (FORMAT parquet)`,
          );
        }
        return { columns: targets, rows: combined.rows };
      },
      { tempFolder: this.scratch },
    );
    const loaded = await this.#loadFile('ROWS', columns, rowsFile, rows);
    const keys =
      output.mode === 'partitions' ? await this.#loadFile('KEYS', this.#keys(columns), keysFile, null) : null;
    if (!isEmpty) await this.#adapt(columns, existing);
    // enforces I10: the rows and the record of the commit change atomically.
    await session.run('BEGIN TRANSACTION');
    try {
      await this.#fence.lock();
      const now = await this.#fence.read();
      const made = this.#fence.check(now);
      if (made !== null) {
        await session.run('ROLLBACK');
        return made;
      }
      if (this.#lastOfTable(now)?.execution !== before?.execution)
        throw new Error(`Another execution of run "${task.runId}" wrote "${output.table}" in the meantime.`);
      if (output.mode === 'replace' && hasTable) await this.#execute(`DELETE FROM ${this.#target}`);
      if (keys !== null && hasTable) await this.#execute(this.#deleteSql(keys, this.#keys(columns)));
      for (const { target, replaces, keepsValues } of columns) {
        if (replaces !== null && keepsValues)
          await this.#execute(`UPDATE ${this.#target} SET ${quoteName(target)} = ${quoteName(replaces)}`);
      }
      if (!isEmpty) await this.#execute(this.#insertSql(loaded, columns));
      const result: CommitResult = {
        version: 1,
        target: output.table,
        rows,
        committedAt: new Date().toISOString(),
      };
      await this.#fence.write(result);
      local.signal.throwIfAborted();
      await session.run('COMMIT');
      await this.#finish(columns);
      return result;
    } catch (error) {
      await session.rollBack();
      throw error;
    }
  }

  #lastOfTable(earlier: readonly EarlierCommit[]): EarlierCommit | undefined {
    return earlier.find(
      ({ target, generation }) => target === this.output.table && generation === this.task.generation,
    );
  }

  #keys(columns: readonly OutputColumn[]): OutputColumn[] {
    return this.task.keyColumns.map(({ name }) => columns.find((column) => column.name === name)!);
  }

  async #existing(): Promise<ResultColumn[] | null> {
    try {
      return (await this.session.run(`SELECT * FROM ${this.#target}`, { describeOnly: true })).columns;
    } catch (error) {
      if (isUnknownObject(error)) return null;
      throw error;
    }
  }

  /**
   * Loads a local file into a new table and returns its name. `rows` is the expected number, or null if
   * unknown.
   */
  async #loadFile(
    what: string,
    columns: readonly OutputColumn[],
    file: string,
    rows: number | null,
  ): Promise<string> {
    const name = `${this.#run}${this.#attempt}_${what}`;
    const declared = columns.map(({ loaded }, i) => `C${i} ${loaded}`).join(', ');
    await this.#execute(`CREATE TRANSIENT TABLE ${name} (${declared}) DATA_RETENTION_TIME_IN_DAYS = 0`);
    await this.#execute(
      `PUT ${quoteText(`file://${file}`)} '@%${name}' AUTO_COMPRESS = FALSE OVERWRITE = TRUE`,
    );
    const { rows: files, columns: facts } = await this.#execute(
      `COPY INTO ${name} FROM '@%${name}' FILE_FORMAT = (TYPE = PARQUET) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE`,
    );
    const at = facts.findIndex((column) => column.name === 'rows_loaded');
    const count = files.reduce((sum, row) => sum + Number(row[at] ?? 0), 0);
    if (rows !== null && count !== rows)
      throw new Error(`Snowflake loaded ${count} of ${rows} rows for "${this.output.table}".`);
    return name;
  }

  /** The commit is made, so an interruption here only leaves the rest to the next commit. */
  async #finish(columns: readonly OutputColumn[]): Promise<void> {
    if (columns.every(({ replaces }) => replaces === null)) return;
    const now = await this.#existing();
    if (now !== null) await finishReplacements(this.session, this.#target, now);
  }

  #valuesOf(connection: DuckDBConnection, { sql }: CombinedRows): Values {
    const some = async (where: string): Promise<boolean> =>
      (await queryRows(connection, `SELECT 1 AS found FROM (${sql}) WHERE ${where} LIMIT 1`)).length > 0;
    const someInTable = async (where: string): Promise<boolean> =>
      (await this.#execute(`SELECT 1 FROM ${this.#target} WHERE ${where} LIMIT 1`)).rows.length > 0;
    return {
      inRun: (name) => some(`${identifier(name)} IS NOT NULL`),
      roundedInRun: (name, type) => some(roundedByDouble(identifier(name), type)),
      inTable: async ({ name }) =>
        this.output.mode !== 'replace' && someInTable(`${quoteName(name)} IS NOT NULL`),
      roundedInTable: ({ name, precision, scale }) =>
        someInTable(
          `CAST(CAST(${quoteName(name)} AS FLOAT) AS NUMBER(${precision},${scale})) <> ${quoteName(name)}`,
        ),
    };
  }

  /** Creates the table, or the columns that it lacks. Idempotent. */
  async #adapt(columns: readonly OutputColumn[], existing: readonly ResultColumn[] | null): Promise<void> {
    const declare = ({ target, type }: OutputColumn): string => `${quoteName(target)} ${type}`;
    if (existing === null) {
      await this.#execute(`CREATE TABLE IF NOT EXISTS ${this.#target} (${columns.map(declare).join(', ')})`);
      return;
    }
    for (const column of columns.filter(({ isNew }) => isNew))
      await this.#execute(`ALTER TABLE ${this.#target} ADD COLUMN IF NOT EXISTS ${declare(column)}`);
  }

  #insertSql(loaded: string, columns: readonly OutputColumn[]): string {
    const names = columns.map(({ target }) => quoteName(target)).join(', ');
    return `INSERT INTO ${this.#target} (${names}) SELECT ${columns.map(({ value }, i) => value(`C${i}`)).join(', ')} FROM ${loaded}`;
  }

  /** Deletes the rows of this run's DONE partitions, including those that returned no rows this time. */
  #deleteSql(loaded: string, keys: readonly OutputColumn[]): string {
    const match = keys.map(
      ({ target, value }, i) => `EQUAL_NULL(${this.#target}.${quoteName(target)}, ${value(`done.C${i}`)})`,
    );
    return `DELETE FROM ${this.#target} USING ${loaded} AS done WHERE ${match.join(' AND ')}`;
  }

  /** Drops this commit's tables: those of this attempt and of killed ones. */
  async #dropLeftovers(): Promise<void> {
    const { columns, rows } = await this.session.run(`SHOW TERSE TABLES LIKE ${quoteText(`${this.#run}%`)}`);
    const at = columns.findIndex(({ name }) => name === 'name');
    for (const row of rows) await this.session.run(`DROP TABLE IF EXISTS ${quoteName(row[at]!)}`);
  }

  #execute(sql: string): ReturnType<Session['run']> {
    const { signal } = this.local;
    return this.session.run(sql, { signal, timeoutSeconds: TIMEOUT_SECONDS, parameters: LOAD_PARAMETERS });
  }
}
