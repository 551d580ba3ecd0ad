/** The types of partition functions and of their arguments. */
import type { PartitionSql } from '../core/push-down';
import type { Row } from '../core/row';
import type { RetryOptions } from '../core/input';

export type { PartitionSql };

/**
 * The rows of one partition.
 *
 * Values become their usual JavaScript types: integers are numbers if safe, otherwise bigints; DECIMAL and
 * DOUBLE are numbers (cast a DECIMAL to VARCHAR to keep all digits; a DECIMAL of scale 0 is read like an
 * integer); DATE and TIMESTAMP are Dates in UTC (which keep their microseconds if they are returned
 * unchanged), or strings where a Date cannot hold them (`infinity`); TIME, INTERVAL and UUID are strings;
 * BLOB is a Uint8Array; LIST is an array; STRUCT is an object; MAP is an object whose property names are its
 * keys as text; JSON is parsed, with unsafe integers as bigints; NULL is null.
 */
export interface PartitionData {
  /** Number of rows, known without reading them. */
  readonly rowCount: number;
  /** Names and warehouse types of the columns, including the key columns. */
  readonly schema: { name: string; type: string }[];
  /** All rows as objects, in the snapshot's order. */
  rows<T = Row>(): Promise<T[]>;
  /** All rows as one array per column. */
  columns<T = Record<string, unknown[]>>(): Promise<T>;
  /** Rows in chunks of up to 2,048, with at most one chunk in memory. */
  [Symbol.asyncIterator](): AsyncIterator<Row[]>;
  /**
   * Runs SQL over a view named `data` with this partition's rows. Interpolated values are bound, never
   * pasted: `` data.sql`SELECT sum(amount) AS total FROM data WHERE amount > ${limit}` ``.
   */
  sql<T = Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<T[]>;
}

/** Turns a value into bytes, for `context.upload`. */
export type ArtifactWriter<T> = (value: T) => Uint8Array | string | Promise<Uint8Array | string>;
/** Turns bytes back into a value, for `context.download` and `artifacts.get`. */
export type ArtifactReader<T> = (bytes: Uint8Array) => T | Promise<T>;

/** The warehouse, for the duration of `context.withConnection`. */
export interface WarehouseConnection {
  /**
   * Returns the rows of a query; `values` are bound to its `?` in order. Values and names are as in `data`.
   * If the worker runs the query (warehouses with credentials), it returns at most 100,000 rows.
   */
  query<T = Row>(sql: string, values?: readonly unknown[]): Promise<T[]>;
  /**
   * The partition's rows in the warehouse's own SQL, for work that is better done there: what to select from,
   * and a condition for the rows with values to bind. Tables with history (Time Travel) are read as of the
   * run's planning; anything else is read in its current state. Null where SQL cannot select the rows: files
   * that are partitions and, on DuckDB, sources with a scheduled time.
   *
   * ```ts
   * const [total] = await context.withConnection(({ query, partition }) => {
   *   const { from, where, values } = partition!;
   *   return query(`SELECT sum(amount) AS total FROM ${from} WHERE ${where}`, values);
   * });
   * ```
   */
  readonly partition: PartitionSql | null;
}

/** What a partition function gets in addition to its rows. */
export interface PartitionContext<Params = Record<string, unknown>> {
  /** The partition id, e.g. `North` or `2024/UA`. */
  readonly partitionId: string;
  /** A copy of the partition key, typed: `{ region: 'North' }`. */
  readonly key: Row;
  readonly params: Params;
  readonly runId: string;
  /** 1 for the first call of this partition in this run. */
  readonly attempt: number;
  /**
   * Aborted when the partition is cancelled or times out; the process is killed two seconds later.
   */
  readonly signal: AbortSignal;
  /** When the run's rows were pinned. */
  readonly snapshotTime: Date;
  /**
   * The time that the run is for: when its schedule was due, or the input's `scheduledTime`; otherwise null.
   * A later retry of the run keeps it.
   */
  readonly scheduledTime: Date | null;
  /**
   * The day that the run is for, such as `2026-11-01`: the date of `scheduledTime` in the time zone of the
   * schedule, or else of the input (`timeZone`). The query's `$scheduled_date` is the same day.
   */
  readonly scheduledDate: string | null;
  /**
   * Stores a value as an artifact of this partition. Strings are stored as text, and Uint8Arrays as bytes.
   * Rows (an array of objects) become a table if the name ends in `.csv` or `.parquet`; anything else becomes
   * JSON, unless `write` encodes it. Visible to others once the partition is recorded.
   *
   * ```ts
   * await context.upload('late.parquet', await data.sql`SELECT * FROM data WHERE delay > 60`);
   * ```
   *
   * `download` and `artifacts.get` return such tables as rows again; CSV has no types, so its numbers, dates
   * and booleans are detected from their text. The value is copied at the call, so the caller may change it
   * afterwards. Throws `InvalidArtifact` or `NotJson` for values that cannot be written: a lone surrogate in
   * text, and in JSON also NaN, an invalid Date, a Map, or more than 1,000 levels.
   */
  upload<T>(name: string, value: T, options?: { write?: ArtifactWriter<T> }): Promise<void>;
  /** Reads an artifact of a recorded partition, by default of this partition in another run. */
  download<T = unknown>(
    name: string,
    options?: { partition?: string; run?: string; read?: ArtifactReader<T> },
  ): Promise<T>;
  /**
   * Opens the run's warehouse while `use` runs: for reference tables in addition to the partition's own rows,
   * or for work on those rows that is better done there (`partition`). Queries read the warehouse's current
   * state. A DuckDB file is opened read-only and cannot be written meanwhile, so keep `use` short. Warehouses
   * with credentials are queried by the worker, in any of its free sessions: a query has all rights of the
   * worker's role.
   *
   * ```ts
   * const [rate] = await context.withConnection((warehouse) =>
   *   warehouse.query('SELECT * FROM rates WHERE code = ?', ['EUR']),
   * );
   * ```
   */
  withConnection<T>(use: (warehouse: WarehouseConnection) => T | Promise<T>): Promise<T>;
  /** Writes a line to the partition's log, like `console.log`. */
  log(...values: unknown[]): void;
  /**
   * Reports progress: any JSON of up to 2,048 characters, which Temporal's UI shows in the activity's
   * heartbeat.
   */
  heartbeat(progress: unknown): void;
  /**
   * Throws `ExpectationFailed`, which is not retried, unless the condition is true. It is not an assertion
   * function, because TypeScript rejects calls of those wherever the type of `context` is inferred.
   */
  expect(condition: unknown, message: string): void;
}

/**
 * What a partition function may return: nothing, one row, or an array of rows.
 *
 * Values are numbers, bigints of up to 38 digits, strings, booleans, Dates, Uint8Arrays, null, or plain
 * objects and arrays, which are stored as JSON. Rows are copied when the function returns, so it may reuse
 * its objects and buffers for the next partition. A partition that returns anything else fails with
 * `InvalidResult` and is not retried: a Map, an invalid Date, a string with a lone surrogate, or JSON that
 * contains NaN or is nested more than 1,000 levels deep.
 */
export type PartitionResult = Row | Row[] | null | undefined | void;

/** A partition function with its settings. Make one with `definePartitionFunction`. */
export interface PartitionFunction<Params = Record<string, unknown>> {
  /** The name that runs refer to it by. */
  readonly name: string;
  run(data: PartitionData, context: PartitionContext<Params>): PartitionResult | Promise<PartitionResult>;
  /** Longest time of one call, in milliseconds or as `'90s'`, `'15m'`, `'2h'`. Default: no limit. */
  readonly timeout?: number | string;
  /** Resident memory one call may use, as `'512MB'` or `'2GB'`. Default: 2GB. */
  readonly memory?: string;
  /** How failed calls are retried; the run's own settings take precedence. */
  readonly retry?: RetryOptions;
  /**
   * Task queue of workers with more memory (`partwise worker --task-queue big`): a partition that runs out of
   * memory is retried once there. Default: it is retried on its own worker, with no other runner next to it.
   */
  readonly bigTaskQueue?: string;
  /**
   * The columns of the rows that it returns, in order, with DuckDB's types: `{ day: 'DATE', total:
   * 'DECIMAL(12,2)', tags: 'VARCHAR[]' }`. Key columns are added automatically. A column that a row leaves
   * out is NULL; a partition that returns another column, or a value that its type does not hold, fails with
   * `InvalidResult`. DECIMALs and times may also be given as text. Default: columns and types follow from the
   * values.
   */
  readonly output?: Readonly<Record<string, string>>;
}
