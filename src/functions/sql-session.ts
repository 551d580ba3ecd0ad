/**
 * The DuckDB that a partition function's own SQL runs in: apart from the one that reads and writes rows, and
 * thrown away when a statement may have left something behind that the next partition would see (I5).
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
import { allRows } from '../rows/slices';
import { asSqlError } from '../duckdb/sql-error';
import { toParameter } from '../duckdb/values';
import type { Row } from '../core/row';

const INTERRUPT_EVERY_MS = 20;

export class SqlSession {
  private connection: Promise<DuckDBConnection> | null = null;
  private view: Promise<void> | null = null;
  private readonly running = new Set<Promise<unknown>>();
  private readonly others = new Map<string, SqlSession>();
  private dirty = false;

  /** `kept`: the process's own, for functions. */
  constructor(
    private readonly options: DatabaseOptions,
    private readonly kept: KeptDatabase,
  ) {}

  /** Runs a template's text with its values bound, and gives the rows of its last statement. */
  async query(rows: PartitionRows, strings: readonly string[], values: readonly unknown[]): Promise<Row[]> {
    const parameters = values.map((value, i) => toParameter(value, `\${…} number ${i + 1} of data.sql`));
    const text = strings.reduce((sql, part, i) => `${sql}$${i}${part}`);
    try {
      return await this.track(async () => {
        const connection = await this.connectTo(rows);
        return allRows(await this.execute(connection, text, parameters));
      });
    } catch (error) {
      // Made here, because DuckDB's own errors come without a stack: this one leads to the caller's line.
      throw asSqlError(error);
    }
  }

  /** The connection on which the view `data` holds the partition's rows. */
  async connectTo(rows: PartitionRows): Promise<DuckDBConnection> {
    const connection = await this.connected();
    this.view ??= rows
      .view(connection)
      .then(async (select) => void (await connection.run(`CREATE OR REPLACE TEMP VIEW data AS ${select}`)));
    await this.view;
    return connection;
  }

  /** The connection as it is. */
  connected(): Promise<DuckDBConnection> {
    return (this.connection ??= this.open());
  }

  /**
   * A session of its own that ends with this one: with a view `data` of its own, over other rows. The same
   * one for the same name, so that what it has read for one partition is there for the next.
   */
  beside(name: string): SqlSession {
    const session = this.others.get(name) ?? new SqlSession(this.options, this.kept);
    this.others.set(name, session);
    return session;
  }

  /**
   * A session of its own that ends with this one, for SQL of the input: it reaches no file that runs may not
   * use.
   */
  confinedTo(confinement: Confinement, kept: KeptDatabase): SqlSession {
    const session = new SqlSession({ ...this.options, confinement }, kept);
    this.others.set('confined', session);
    return session;
  }

  /** Stops what is running and what waits behind it; those queries reject. */
  async interrupt(): Promise<void> {
    await Promise.all(this.all.map((session) => session.interruptOwn()));
  }

  /** Whether a partition has used it since it was opened. */
  get isUsed(): boolean {
    return this.all.some(({ connection }) => connection !== null);
  }

  /** Ends a partition: nothing of it, neither a running query nor a table it made, reaches the next one. */
  async endPartition(): Promise<void> {
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
    // An interrupt reaches only the query that runs at that moment, so it is repeated until all have ended.
    while (this.running.size > 0) {
      (await this.connection)?.interrupt();
      if (await Promise.race([ended, sleep(INTERRUPT_EVERY_MS, false)])) break;
    }
  }

  private async open(): Promise<DuckDBConnection> {
    return (await this.kept.open(this.options)).connect();
  }

  private async execute(
    connection: DuckDBConnection,
    text: string,
    parameters: ReturnType<typeof toParameter>[],
  ): Promise<DuckDBResult> {
    if (text.trim() === '') throw new SyntaxError('data.sql was called with an empty query.');
    const statements = await connection.extractStatements(text);
    let result: DuckDBResult | null = null;
    for (let i = 0; i < statements.count; i++) {
      const prepared = await statements.prepare(i);
      try {
        // enforces I5
        if (prepared.statementType !== StatementType.SELECT) this.dirty = true;
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

/** `$2` may be a statement's first parameter, when another statement of the text has `$1`. */
function numberOf(prepared: DuckDBPreparedStatement, index: number): number {
  try {
    return Number(prepared.parameterName(index));
  } catch {
    return NaN;
  }
}
