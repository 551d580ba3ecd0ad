/**
 * The DuckDB that runs a partition function's own SQL. It is separate from the one that reads and writes
 * rows, and is discarded when a statement may have left something behind that the next partition would see
 * (I5).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DuckDBConnection,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  StatementType,
} from '@duckdb/node-api';
import type { Confinement } from '../duckdb/confinement';
import type { DatabaseOptions, KeptDatabase } from '../duckdb/database';
import type { PartitionRows } from '../rows/partition-rows';
import { columnsOf, rowsOf, shapeOf } from '../rows/slices';
import { asSqlError } from '../duckdb/sql-error';
import { refuseWideDecimals, type UserQuery } from '../duckdb/wide-decimals';
import { type Parameter, toParameter } from '../duckdb/values';
import { QueryAnswers } from './ahead/query-answers';
import type { LoadAhead } from './ahead/rows-ahead';
import type { Column } from '../core/plan';
import type { Row } from '../core/row';

const INTERRUPT_EVERY_MS = 20;

export class SqlSession {
  private connection: Promise<DuckDBConnection> | null = null;
  private view: Promise<void> | null = null;
  private readonly running = new Set<Promise<unknown>>();
  private readonly others = new Map<string, SqlSession>();
  private dirty = false;
  private ahead: { answers: QueryAnswers; rows: PartitionRows | null } | null = null;
  /** Queries for later partitions have their own connection, on which the function sees nothing. */
  private aheadConnection: Promise<DuckDBConnection> | null = null;

  /** `kept` is the process's database for functions. */
  constructor(
    private readonly options: DatabaseOptions,
    private readonly kept: KeptDatabase,
  ) {}

  /**
   * Runs a template's text with its values bound, and returns the rows of its last statement, whose columns
   * `onColumns` gets.
   */
  async query(
    rows: PartitionRows,
    strings: readonly string[],
    values: readonly unknown[],
    onColumns: (columns: readonly Column[]) => void = () => undefined,
  ): Promise<Row[]> {
    const parameters = values.map((value, i) => toParameter(value, `\${…} number ${i + 1} of data.sql`));
    const text = strings.reduce((sql, part, i) => `${sql}$${i}${part}`);
    const question = { text, parameters };
    // Statements that change anything may change what a query means.
    const ahead =
      this.ahead?.rows === rows && !this.dirty && !this.kept.isChanged ? this.ahead.answers : null;
    const answer = ahead?.take(question);
    if (answer != null) {
      onColumns(answer.columns);
      return answer.rows;
    }
    try {
      return await this.track(async () => {
        const connection = await this.connectTo(rows);
        const result = await this.refusingWrong(
          connection,
          { sql: text, parameters: parameters.map(({ value }) => value) },
          () => this.execute(connection, text, parameters),
        );
        const shape = shapeOf(result, 0);
        const columns = columnsOf(shape);
        onColumns(columns);
        ahead?.note(question, columns);
        return rowsOf(result, shape);
      });
    } catch (error) {
      // DuckDB's own errors have no stack; one created here leads to the caller's line.
      throw asSqlError(error, this.options.confinement);
    }
  }

  /** Lets queries of the partitions that will be called be asked before. */
  prepareAhead(columns: readonly Column[], load: LoadAhead): void {
    const answers = new QueryAnswers(columns, load, (connection, { text, parameters }) =>
      this.execute(connection, text, parameters),
    );
    this.ahead = { answers, rows: null };
  }

  wantsAhead(ordinal: number): boolean {
    return this.ahead?.answers.wants(ordinal) === true;
  }

  async lookAhead(ordinal: number): Promise<void> {
    try {
      await this.track(async () => {
        this.aheadConnection ??= this.open();
        await this.ahead!.answers.lookAhead(await this.aheadConnection, ordinal);
      });
    } catch {
      // What was wrong is reported by the call of a partition, which then asks by itself.
    }
  }

  /** A partition is called with these rows. */
  beginPartition(ordinal: number, rows: PartitionRows): void {
    if (this.ahead === null) return;
    this.ahead.rows = rows;
    this.ahead.answers.begin(ordinal);
  }

  /** The connection, with a view `data` of the partition's rows. */
  async connectTo(rows: PartitionRows): Promise<DuckDBConnection> {
    const connection = await this.connected();
    this.view ??= rows
      .view(connection)
      .then(async (select) => void (await connection.run(`CREATE OR REPLACE TEMP VIEW data AS ${select}`)));
    await this.view;
    return connection;
  }

  /** The connection, without creating a view. */
  connected(): Promise<DuckDBConnection> {
    return (this.connection ??= this.open());
  }

  /**
   * A separate session with its own view `data`, over other rows; it ends with this one. The same name
   * returns the same session, so that what it read for one partition is available to the next.
   */
  sibling(name: string): SqlSession {
    const session = this.others.get(name) ?? new SqlSession(this.options, this.kept);
    this.others.set(name, session);
    return session;
  }

  /**
   * A separate session for SQL of the input, which can reach only files that runs may use; it ends with this
   * one.
   */
  confinedTo(confinement: Confinement, kept: KeptDatabase): SqlSession {
    const session = new SqlSession({ ...this.options, confinement }, kept);
    this.others.set('confined', session);
    return session;
  }

  /** Stops running and queued queries, which reject. */
  async interrupt(): Promise<void> {
    await Promise.all(this.all.map((session) => session.interruptOwn()));
  }

  /** What `connected` returns, if it is open: tables that were created on it still exist. */
  get opened(): Promise<DuckDBConnection> | null {
    return this.connection;
  }

  /** Whether any partition has used the session since it was opened. */
  get isUsed(): boolean {
    return this.all.some(({ connection }) => connection !== null);
  }

  /** Ends a partition: none of its running queries or tables reach the next one. */
  async endPartition(): Promise<void> {
    if (this.ahead !== null) {
      this.ahead.rows = null;
      this.ahead.answers.end(!this.all.some(({ dirty }) => dirty));
    }
    if (this.all.some(({ running }) => running.size > 0)) await this.interrupt();
    for (const session of this.all) session.view = null;
    if (this.all.some(({ dirty }) => dirty)) await this.close();
  }

  async close(): Promise<void> {
    const dirty = this.all.some((session) => session.dirty);
    for (const session of this.all) {
      const connection = await session.connection?.catch(() => null);
      connection?.closeSync();
      session.connection = null;
      const aheadConnection = await session.aheadConnection?.catch(() => null);
      aheadConnection?.closeSync();
      session.aheadConnection = null;
      session.view = null;
      session.dirty = false;
    }
    if (dirty) for (const session of this.all) session.kept.close();
  }

  private get all(): SqlSession[] {
    return [this, ...this.others.values()];
  }

  private async interruptOwn(): Promise<void> {
    this.dirty = true;
    const ended = Promise.allSettled(this.running).then(() => true);
    // An interrupt stops only the query that is running at that moment, so it is repeated until all have
    // ended.
    while (this.running.size > 0) {
      (await this.connection)?.interrupt();
      (await this.aheadConnection)?.interrupt();
      if (await Promise.race([ended, sleep(INTERRUPT_EVERY_MS, false)])) break;
    }
  }

  private async open(): Promise<DuckDBConnection> {
    return (await this.kept.open(this.options)).connect();
  }

  /** Runs a statement, and throws for columns of Parquet files that DuckDB reads wrong. */
  async refusingWrong<T>(connection: DuckDBConnection, query: UserQuery, run: () => Promise<T>): Promise<T> {
    // SQL of an input, which is confined, has been checked when the run was planned.
    if (this.options.confinement != null) return run();
    const texts = [query.sql, ...Object.values(query.parameters ?? {})];
    const namesParquet = texts.some((text) => typeof text === 'string' && /parquet/i.test(text));
    if (!namesParquet && !this.kept.isChanged) return run();
    return this.kept.rememberingFiles(connection, async () => {
      const result = await run();
      await refuseWideDecimals(connection, query);
      return result;
    });
  }

  private async execute(
    connection: DuckDBConnection,
    text: string,
    parameters: readonly Parameter[],
  ): Promise<DuckDBResult> {
    if (text.trim() === '') throw new SyntaxError('data.sql was called with an empty query.');
    const statements = await connection.extractStatements(text);
    let result: DuckDBResult | null = null;
    for (let i = 0; i < statements.count; i++) {
      const prepared = await statements.prepare(i);
      try {
        // enforces I5
        if (prepared.statementType !== StatementType.SELECT) {
          this.dirty = true;
          this.kept.isChanged = true;
        }
        for (let p = 1; p <= prepared.parameterCount; p++) {
          const parameter = parameters[numberOf(prepared, p) - 1];
          if (parameter === undefined) {
            throw new SyntaxError(
              'The query has a parameter that is not bound. Interpolate values into the template instead, as ${…}.',
            );
          }
          prepared.bindValue(p, parameter.value, parameter.type);
        }
        result = await prepared.run();
      } finally {
        prepared.destroySync();
      }
    }
    return result!;
  }

  /** Counts work as running, so that an interrupt reaches it. */
  async track<T>(work: () => Promise<T>): Promise<T> {
    const promise = work();
    this.running.add(promise);
    try {
      return await promise;
    } finally {
      this.running.delete(promise);
    }
  }
}

/** A statement's first parameter may be `$2`, if another statement of the text has `$1`. */
function numberOf(prepared: DuckDBPreparedStatement, index: number): number {
  try {
    return Number(prepared.parameterName(index));
  } catch {
    return NaN;
  }
}
