/**
 * What starts a run: the one JSON argument of the workflow `partitionedRun`, the same for the library, the
 * CLI and Temporal's own tools.
 */

/**
 * Where rows come from. `files` with `partitionBy` reads all matching files as one table; without it, each
 * file is a partition (`pattern` then selects files below the folder `files`).
 */
export type Source = { table: string } | { query: string } | { files: string; pattern?: string };

/** Where the combined rows go. */
export type OutputInput =
  | { table: string; mode?: 'replace' | 'partitions' | 'append'; evolve?: boolean }
  | { file: string }
  /**
   * Of a training run: its models become a new version of this model in the registry. What it did not train
   * comes from `base`, a version's number or an alias (default: the newest), or from nowhere (`'none'`).
   */
  | { model: string; base?: number | string };

/** Settings of one run; every one has a default. */
export interface RunOptions {
  /**
   * Partitions (or batches of them) in flight at once. Default 8, at most 24,000; more than 48 make shards.
   */
  maxConcurrency?: number;
  /**
   * Partitions that may fail without failing the run: a number, or a percentage of all (`'5%'`, rounded
   * down). Default 0.
   */
  toleratedFailures?: number | `${number}%`;
  /**
   * Stop as soon as more partitions have failed than are tolerated: what was not started is SKIPPED. Default
   * false.
   */
  failFast?: boolean;
  /**
   * Time the whole run may take, at least a second, e.g. `'2h'`: then it is stopped and fails. Default: no
   * limit.
   */
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
  /**
   * Partitions per activity. Default: 1 up to 500 partitions, or up to 500 for each 48 of `maxConcurrency`,
   * then batches.
   */
  partitionsPerUnit?: number;
  /** Settings that only the warehouse's kind has, such as `{ loadingWarehouse: 'LOAD_WH' }`. */
  warehouse?: Record<string, string>;
}

/**
 * See the module comment. Only `function`, `source` and (but for files as partitions) `partitionBy` are
 * required.
 */
export interface RunInput {
  function: string;
  source: Source;
  partitionBy?: string[];
  /** URI of a warehouse, such as `duckdb:./warehouse.duckdb`; default from the worker's configuration. */
  warehouse?: string;
  /**
   * A folder, or another kind of stage, such as `s3://bucket/prefix`; default from the worker's
   * configuration.
   */
  stage?: string;
  /**
   * File that exports the functions; default: the project's. For the embedded server only: a deployed worker
   * runs the code it was deployed with.
   */
  functions?: string;
  /** Reaches the function as `context.params`. */
  params?: Record<string, unknown>;
  /** For the built-in function `sql`: the query, over the view `data`. */
  sql?: string;
  /** SQL condition that rows must meet. */
  where?: string;
  /**
   * How rows are kept for the run: all of them on the stage, read once (`'stage'`, default), or not at all
   * (`'none'`): then a partition's rows are queried when its function asks for them, as the table was when
   * the run was planned. For tables of warehouses that keep their history (DuckDB's do not), for as long as
   * they keep it.
   */
  snapshot?: 'stage' | 'none';
  /** Only these partition ids. */
  only?: string[];
  output?: OutputInput;
  /** For the functions of a partition model: which models to predict with, what to hold out. */
  model?: ModelInput;
  /**
   * Who is told when the run has ended: a notifier of the worker's configuration, by name; on the embedded
   * server also the URL of a webhook, or a command.
   */
  notify?: string;
  onExisting?: 'error' | 'overwrite' | 'retry';
  /**
   * With `onExisting: 'retry'`: also run partitions again that are DONE and whose rows or artifacts are gone
   * from the stage, or damaged. Default false: what is DONE stays so.
   */
  rerunMissing?: boolean;
  /**
   * The time that this run is for, such as `'2026-11-01T06:00:00Z'` or `'2026-11-01'` (without an offset: in
   * `timeZone`). The source query and `where` can use it as `$scheduled_time` and `$scheduled_date`, the
   * function as `context.scheduledTime`. Default: the time that the schedule was due which started the run;
   * none for a run that no schedule started.
   */
  scheduledTime?: string;
  /** IANA time zone that `$scheduled_date` is a date in, such as `'Europe/Berlin'`. Default `'UTC'`. */
  timeZone?: string;
  /**
   * What becomes of partitions whose rows, code and parameters are as they were when a run of the series last
   * did them: run them again (default), or reuse their outcomes, artifacts included. `'reuse'` needs a
   * `series`.
   */
  onUnchanged?: 'run' | 'reuse';
  /**
   * Name of the series of runs that outcomes are reused in: runs of one function on one source, time after
   * time. It takes fingerprints of the rows. Runs of a schedule that reuse are a series of the schedule's
   * name.
   */
  series?: string;
  options?: RunOptions;
}

/** How often and how fast calls are repeated. */
export interface RetryRules {
  /**
   * Calls per partition that may come to a bad end, the first included. Default 3. Bad ends are throws,
   * time-outs, and processes that died or outgrew their memory; of the latter three kinds, 3 are the most
   * whatever this says, and memory may be outgrown twice. So with 1, the function is not called again
   * whatever it did. It is when that was not its doing: after a lost worker (3 of them are the most), after a
   * worker's orderly shutdown, and after a pause, none of which count here.
   */
  maximumAttempts?: number;
  /** Wait before the first retry. Default 1 s. */
  initialInterval?: number | string;
  /** Default 2. */
  backoffCoefficient?: number;
  /** Longest wait. Default 100 × initialInterval. */
  maximumInterval?: number | string;
}

/** How a partition whose call came to a bad end is tried again. */
export interface RetryOptions extends RetryRules {
  /** Class names of errors that are never retried. */
  nonRetryableErrorTypes?: string[];
  /**
   * Rules for errors of a class, by its name: `{ RateLimited: { maximumAttempts: 10, initialInterval: '30s' }
   * }`; what a rule leaves out is as for all errors. `Timeout`, `RunnerKilled`, `OutOfMemory`,
   * `TooMuchOutput` and `WorkerLost` are Partwise's own: of a rule for them `maximumAttempts` alone counts,
   * as the next call follows at once.
   */
  byErrorType?: Record<string, RetryRules>;
}

/** What an input says about models (`RunInput.model`). */
export interface ModelInput {
  /** To predict with: the name of a model in the registry … */
  name?: string;
  /** … and which version of it: a number, or an alias such as `'production'`. Default: the newest. */
  version?: number | string;
  /** Instead of a name: the run whose models are used. */
  run?: string;
  /**
   * A partition without a model fails (`'error'`, default), is SKIPPED, or is predicted with another
   * partition's model.
   */
  onMissing?: 'error' | 'skip' | 'fallback';
  /** For `'fallback'`: id of the partition whose model stands in. */
  fallback?: string;
  /** Input columns that predictions carry besides the key and `row_id`. */
  keep?: string[];
  /**
   * SQL condition on a partition's rows, such as `"hour >= '2013-12-04'"`. To train: rows that meet it are
   * not trained on, and the metrics are measured on them. For `NAME.fitPredict`: these rows are predicted.
   */
  holdout?: string;
}

/** What a run of a model's function does. */
export type ModelTask = 'train' | 'predict' | 'fitPredict';

/** What a continuation may change; everything else is as the run has it. */
export interface RetryInput {
  /** Only these partition ids, of those that are not DONE. */
  only?: string[];
  /** As in `RunInput`. */
  rerunMissing?: boolean;
  /** For the built-in function `sql`: another query. */
  sql?: string;
  /** For the embedded server only: the file that exports the functions. */
  functions?: string;
  output?: OutputInput;
  /** As in `RunInput`. */
  notify?: string;
  /** Settings that differ from the run's. */
  options?: RunOptions;
}
