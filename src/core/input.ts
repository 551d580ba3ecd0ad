/**
 * What starts a run: the one JSON argument of the workflow `partitionedRun`, the same for the library, the CLI and
 * Temporal's own tools.
 */
import type { RetryOptions } from '../functions/types';
import type { ModelInput } from '../models/types';

/**
 * Where rows come from. `files` with `partitionBy` reads all matching files as one table; without it, each file is a partition
 * (`pattern` then selects files below the folder `files`).
 */
export type Source = { table: string } | { query: string } | { files: string; pattern?: string };

/** Where the combined rows go. */
export type OutputInput =
  | { table: string; mode?: 'replace' | 'partitions' | 'append'; evolve?: boolean }
  | { file: string }
  /**
   * Of a training run: its models become a new version of this model in the registry. What it did not train comes from `base`, a
   * version's number or an alias (default: the newest), or from nowhere (`'none'`).
   */
  | { model: string; base?: number | string };

/** Settings of one run; every one has a default. */
export interface RunOptions {
  /** Partitions (or batches of them) in flight at once. Default 8, at most 24,000; more than 48 make shards. */
  maxConcurrency?: number;
  /** Partitions that may fail without failing the run: a number, or a percentage of all (`'5%'`, rounded down). Default 0. */
  toleratedFailures?: number | `${number}%`;
  /** Stop as soon as more partitions have failed than are tolerated: what was not started is SKIPPED. Default false. */
  failFast?: boolean;
  /** Time the whole run may take, at least a second, e.g. `'2h'`: then it is stopped and fails. Default: no limit. */
  runTimeout?: number | string;
  /** How thrown errors are retried; wins over the function's own settings. */
  retry?: RetryOptions;
  /** Time one call may take, e.g. `'15m'`; wins over the function's own. */
  timeout?: number | string;
  /** Resident memory one call may use, e.g. `'2GB'`; wins over the function's own. */
  memory?: string;
  /** A worker that was not heard of for this long is taken for lost. Default 10 s. */
  heartbeatTimeout?: number | string;
  /** Refuse a source with more partitions than this. Default 100,000. */
  maxPartitions?: number;
  /** Partitions per activity. Default: 1 up to 500 partitions, or up to 500 for each 48 of `maxConcurrency`, then batches. */
  partitionsPerUnit?: number;
  /** On Snowflake: the virtual warehouse that plans and commits. Default: the connection's own. */
  loadingWarehouse?: string;
}

/** See the module comment. Only `function`, `source` and (but for files as partitions) `partitionBy` are required. */
export interface RunInput {
  function: string;
  source: Source;
  partitionBy?: string[];
  /** `duckdb:PATH` or `snowflake:CONNECTION`; default from the worker's configuration. */
  warehouse?: string;
  /** A folder, `s3://bucket/prefix`, or `@DATABASE.SCHEMA.STAGE/path` on Snowflake; default from the worker's configuration. */
  stage?: string;
  /**
   * File that exports the functions; default: the project's. For the embedded server only: a deployed worker runs the code it was
   * deployed with.
   */
  functions?: string;
  /** Reaches the function as `context.params`. */
  params?: Record<string, unknown>;
  /** For the built-in function `sql`: the query, over the view `data`. */
  sql?: string;
  /** SQL condition that rows must meet. */
  where?: string;
  /**
   * How rows are kept for the run: all of them on the stage, read once (`'stage'`, default), or not at all (`'none'`): then a
   * partition's rows are queried when its function asks for them, as the table was when the run was planned. For tables on Snowflake
   * that keep their history, for as long as they keep it.
   */
  snapshot?: 'stage' | 'none';
  /** Only these partition ids. */
  only?: string[];
  output?: OutputInput;
  /** For the functions of a partition model: which models to predict with, what to hold out. */
  model?: ModelInput;
  /**
   * Who is told when the run has ended: a notifier of the worker's configuration, by name; on the embedded server also the URL of a
   * webhook, or a command.
   */
  notify?: string;
  onExisting?: 'error' | 'overwrite' | 'resume';
  /**
   * With `onExisting: 'resume'`: also run partitions again that are DONE and whose rows or artifacts are gone from the stage, or
   * damaged. Default false: what is DONE stays so.
   */
  rerunMissing?: boolean;
  /**
   * The time that this run is for, such as `'2026-11-01T06:00:00Z'` or `'2026-11-01'` (without an offset: in `timeZone`). The source
   * query and `where` can use it as `$scheduled_time` and `$scheduled_date`, the function as `context.scheduledTime`. Default: the
   * time that the schedule was due which started the run; none for a run that no schedule started.
   */
  scheduledTime?: string;
  /** IANA time zone that `$scheduled_date` is a date in, such as `'Europe/Berlin'`. Default `'UTC'`. */
  timeZone?: string;
  /**
   * What becomes of partitions whose rows, code and parameters are as they were when a run of the series last did them: run them
   * again (default), or reuse their outcomes, artifacts included. `'reuse'` needs a `series`.
   */
  onUnchanged?: 'run' | 'reuse';
  /**
   * Name of the series of runs that outcomes are reused in: runs of one function on one source, time after time. It takes
   * fingerprints of the rows. Runs of a schedule that reuse are a series of the schedule's name.
   */
  series?: string;
  options?: RunOptions;
}
