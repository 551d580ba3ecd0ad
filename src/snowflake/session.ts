/** A Snowflake session, which runs one statement after another. */
import type { Connection, FileAndStageBindStatement, RowStatement } from './driver';
import { asSnowflakeError, SnowflakeError } from './errors';
import { queryTag, type QueryTag } from './query-tag';

export interface ResultColumn {
  /** As in the result; several columns may have the same name. */
  name: string;
  /** The driver's name for the type: `fixed`, `text`, `timestamp_ntz`, … */
  type: string;
  precision: number | null;
  scale: number | null;
}

/** Values as text with all digits; NULL is null. */
export type TextRow = readonly (string | null)[];

export interface Result {
  queryId: string;
  columns: ResultColumn[];
  rows: TextRow[];
}

export interface StatementOptions {
  /** Values for the `?` of the statement, in order. */
  binds?: readonly (string | number | boolean | null)[];
  /** Cancels the statement; its promise rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Timeout in the service. Default: 600. */
  timeoutSeconds?: number;
  /** Returns the columns of the result without running the statement. */
  describeOnly?: boolean;
  /** Fields to add to the current query tag. */
  tag?: QueryTag;
  /** Session parameters for this statement. */
  parameters?: Readonly<Record<string, string>>;
}

type Statement = RowStatement | FileAndStageBindStatement;

const TIMEOUT_SECONDS = 600;
/** How long a cancelled statement has to end before the session is abandoned. */
const CANCEL_WAIT_MS = 5_000;
/** Rows of a batch when streaming. */
const BATCH_ROWS = 2_048;
const AS_TEXT = ['Boolean', 'Number', 'Date', 'JSON', 'Buffer'] as const;

export class Session {
  /** It must not be used again: it was lost, or is in an unknown state. */
  broken = false;
  /** When it last worked, in milliseconds. */
  verifiedAt = Date.now();

  constructor(private readonly connection: Connection) {}

  /** Asks the service whether the session is valid. */
  async isValid(): Promise<boolean> {
    return !this.broken && this.connection.isValidAsync();
  }

  /** Runs a statement and reads all of its result. Throws a `SnowflakeError`. */
  async run(sql: string, options: StatementOptions = {}): Promise<Result> {
    const statement = await this.#execute(sql, options);
    const rows: TextRow[] = [];
    for await (const batch of this.#batches<TextRow>(statement, options, AS_TEXT)) rows.push(...batch);
    return { queryId: statement.getQueryId(), columns: columnsOf(statement), rows };
  }

  /** Runs a statement and streams its rows, with values as text. */
  async *stream(
    sql: string,
    options: StatementOptions = {},
  ): AsyncGenerator<readonly TextRow[], void, undefined> {
    const statement = await this.#execute(sql, options);
    yield* this.#batches<TextRow>(statement, options, AS_TEXT);
  }

  /**
   * Runs a statement and returns its columns and a stream of its rows, with the driver's values except for
   * numbers and JSON, which are text.
   */
  async open(
    sql: string,
    options: StatementOptions,
  ): Promise<{ columns: ResultColumn[]; batches: AsyncIterable<readonly unknown[][]> }> {
    const statement = await this.#execute(sql, options);
    return {
      columns: columnsOf(statement),
      batches: this.#batches<unknown[]>(statement, options, ['Number', 'JSON']),
    };
  }

  /**
   * Rolls a transaction back after an error, which is the one to report. If that fails, the session is not
   * used again, since the transaction may still be open.
   */
  async rollBack(): Promise<void> {
    await this.run('ROLLBACK').catch(() => {
      this.broken = true;
    });
  }

  close(): Promise<void> {
    this.broken = true;
    return new Promise((resolve) => this.connection.destroy(() => resolve()));
  }

  async #execute(sql: string, options: StatementOptions): Promise<Statement> {
    const { binds, signal, timeoutSeconds = TIMEOUT_SECONDS, describeOnly, parameters, tag } = options;
    signal?.throwIfAborted();
    let statement!: Statement;
    let giveUp: NodeJS.Timeout | undefined;
    let onAbort!: () => void;
    const ended = new Promise<void>((resolve, reject) => {
      statement = this.connection.execute({
        sqlText: sql,
        binds: binds as string[] | undefined,
        describeOnly,
        rowMode: 'array',
        // Otherwise the driver repeats a failed statement.
        streamResult: true,
        parameters: {
          ...parameters,
          QUERY_TAG: queryTag(tag),
          STATEMENT_TIMEOUT_IN_SECONDS: timeoutSeconds,
        },
        complete: (error) => (error ? reject(error) : resolve()),
      });
      onAbort = () => {
        statement.cancel(() => {});
        giveUp = setTimeout(() => {
          this.broken = true;
          reject(new Error('The statement did not end when it was cancelled.'));
        }, CANCEL_WAIT_MS);
      };
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await ended;
      signal?.throwIfAborted();
      this.verifiedAt = Date.now();
      return statement;
    } catch (error) {
      signal?.throwIfAborted();
      throw this.#explained(error, statement);
    } finally {
      clearTimeout(giveUp);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async *#batches<Row>(
    statement: Statement,
    { signal, describeOnly }: StatementOptions,
    fetchAsString: readonly ('Boolean' | 'Number' | 'Date' | 'JSON' | 'Buffer')[],
  ): AsyncGenerator<readonly Row[], void, undefined> {
    if (describeOnly === true) return;
    const rows = statement.streamRows({ fetchAsString: [...fetchAsString] });
    let batch: Row[] = [];
    try {
      for await (const row of rows as AsyncIterable<Row>) {
        batch.push(row);
        if (batch.length < BATCH_ROWS) continue;
        signal?.throwIfAborted();
        yield batch;
        batch = [];
      }
      if (batch.length > 0) yield batch;
    } catch (error) {
      signal?.throwIfAborted();
      throw this.#explained(error, statement);
    }
  }

  #explained(error: unknown, statement: Statement): SnowflakeError {
    const explained = asSnowflakeError(error, statement.getQueryId() ?? null);
    if (explained.remedy === 'reconnect') this.broken = true;
    return explained;
  }
}

function columnsOf(statement: Statement): ResultColumn[] {
  return (statement.getColumns() ?? []).map((column) => ({
    name: column.getName(),
    type: column.getType(),
    precision: column.getPrecision() ?? null,
    scale: column.getScale() ?? null,
  }));
}
