/** What a partition function is, and what it is given. */
import type { PartitionSql } from '../core/push-down';
import type { Row } from '../core/row';
import type { RetryOptions } from '../core/input';

export type { PartitionSql };

/**
 * The rows of one partition.
 *
 * Values are what people expect in JavaScript: integers that fit are numbers and larger ones bigints; DECIMAL
 * and DOUBLE are numbers (cast a DECIMAL to VARCHAR for all its digits; one without decimals reads like an
 * integer); DATE and TIMESTAMP are Dates (UTC), or text where no Date holds them (`infinity`); TIME, INTERVAL
 * and UUID are text; BLOB is a Uint8Array; LIST is an array, STRUCT an object, MAP an object by key text;
 * JSON is what it says; NULL is null.
 */
export interface PartitionData {
  /** Number of rows, known without reading them. */
  readonly rowCount: number;
  /** Names and warehouse types of the columns, the key columns included. */
  readonly schema: { name: string; type: string }[];
  /** All rows as objects, in the snapshot's order. */
  rows<T = Row>(): Promise<T[]>;
  /** All rows as one array per column. */
  columns<T = Record<string, unknown[]>>(): Promise<T>;
  /** Rows in chunks of up to 2,048, never holding more than one chunk. */
  [Symbol.asyncIterator](): AsyncIterator<Row[]>;
  /**
   * Runs SQL over a view named `data` that holds this partition's rows. Interpolated values are bound, never
   * pasted: `` data.sql`SELECT sum(amount) AS total FROM data WHERE amount > ${limit}` ``.
   */
  sql<T = Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<T[]>;
}

/** Turns a value into bytes, for `context.upload`. */
export type ArtifactWriter<T> = (value: T) => Uint8Array | string | Promise<Uint8Array | string>;
/** Turns bytes back into a value, for `context.download` and `artifacts.get`. */
export type ArtifactReader<T> = (bytes: Uint8Array) => T | Promise<T>;

/** The warehouse, while `context.withConnection` lasts. */
export interface WarehouseConnection {
  /**
   * Rows of a query; `values` are bound to its `?` in order. Values and names come as in `data`. A warehouse
   * that the worker queries gives at most 100,000 rows.
   */
  query<T = Row>(sql: string, values?: readonly unknown[]): Promise<T[]>;
  /**
   * The partition's rows in the warehouse's own SQL, for work that is better done there: where they come
   * from, and a condition for them with values to bind. Tables of warehouses that keep their history are read
   * as they were when the run was planned; anything else is as it is now. Null where there is no SQL for
   * them: files that are partitions, and on DuckDB sources with a scheduled time.
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

/** What a partition function knows and can do besides reading its rows. */
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
   * Aborted when the partition is cancelled or past its time-out; two seconds later the process is killed.
   */
  readonly signal: AbortSignal;
  /** When the run's rows were pinned. */
  readonly snapshotTime: Date;
  /**
   * The time that the run is for: when the schedule was due that started it, or the input's `scheduledTime`;
   * else null. A retry of the run, however late, has the same.
   */
  readonly scheduledTime: Date | null;
  /**
   * Keeps a value under `name` with this partition. Strings become text and Uint8Arrays stay bytes. Rows (an
   * array of objects) become a table where the name ends in `.csv` or `.parquet`, and anything else becomes
   * JSON, unless `write` says otherwise. Visible to others once the partition is recorded.
   *
   * ```ts
   * await context.upload('late.parquet', await data.sql`SELECT * FROM data WHERE delay > 60`);
   * ```
   *
   * What is read back by `download` or `artifacts.get` is rows again; of CSV, which has no types, numbers,
   * dates and booleans are known by how they look. The value is taken as it is at the call, which may go on
   * to change it. Throws `InvalidArtifact` or `NotJson` for what cannot be written: a lone surrogate in text,
   * and in JSON also NaN, an invalid Date, a Map, or more than 1,000 levels.
   */
  upload<T>(name: string, value: T, options?: { write?: ArtifactWriter<T> }): Promise<void>;
  /** Reads an artifact of a recorded partition, by default of this partition in another run. */
  download<T = unknown>(
    name: string,
    options?: { partition?: string; run?: string; read?: ArtifactReader<T> },
  ): Promise<T>;
  /**
   * Opens the run's warehouse for as long as `use` takes: for reference tables beside the partition's own
   * rows, or for work on these that is better done there (`partition`). What it reads is what the warehouse
   * holds then. A DuckDB file is open read-only, and nobody can write to it meanwhile, so be brief.
   * Warehouses that take credentials are queried by the worker, in whichever of its sessions is free: a query
   * may do what the worker's own role may.
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
   * Tells how far the function is: any JSON up to 2,048 characters; shows in Temporal's UI as the activity's
   * heartbeat.
   */
  heartbeat(progress: unknown): void;
  /**
   * Throws `ExpectationFailed`, which is not retried, unless the condition holds. No type assertion:
   * TypeScript would refuse the call wherever the type of `context` is inferred.
   */
  expect(condition: unknown, message: string): void;
}

/**
 * What a partition function may return: nothing, one row, or rows.
 *
 * Values are numbers, bigints of up to 38 digits, text, booleans, Dates, Uint8Arrays, null, or plain objects
 * and arrays, which are stored as JSON. Rows are copied when the function returns, so its objects and buffers
 * may be used again for the next partition. A partition that returns anything else fails with
 * `InvalidResult`, and is not tried again: a Map, an invalid Date, text with a lone surrogate, or JSON with
 * NaN in it or nested more than 1,000 levels deep.
 */
export type PartitionResult = Row | Row[] | null | undefined | void;

/** A partition function with its settings. Make one with `definePartitionFunction`. */
export interface PartitionFunction<Params = Record<string, unknown>> {
  /** By which runs name it. */
  readonly name: string;
  run(data: PartitionData, context: PartitionContext<Params>): PartitionResult | Promise<PartitionResult>;
  /** Time one call may take, in milliseconds or as `'90s'`, `'15m'`, `'2h'`. Default: no limit. */
  readonly timeout?: number | string;
  /** Resident memory one call may use, as `'512MB'` or `'2GB'`. Default: 2GB. */
  readonly memory?: string;
  /** How calls that come to a bad end are repeated; the run's own settings win. */
  readonly retry?: RetryOptions;
  /**
   * Task queue whose workers have more memory to spare (`partwise worker --task-queue big`): a partition that
   * runs out of memory is tried once more there. Default: where it was, with nothing beside it.
   */
  readonly bigTaskQueue?: string;
}
