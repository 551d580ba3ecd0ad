/**
 * The input of a run: the single JSON argument of the workflow `partitionedRun`, the same for the library,
 * the CLI and Temporal's own tools.
 */

/**
 * Where rows come from. `files` with `partitionBy` reads all matching files as one table; without
 * `partitionBy`, each file is a partition (`pattern` then selects files below the folder `files`).
 */
export type Source =
  | { table: string }
  | { query: string }
  | {
      /**
       * Files or globs; if each file is a partition, a folder, or a place on a stage (`s3://bucket/prefix`,
       * `@DATABASE.SCHEMA.STAGE/path`).
       */
      files: string;
      pattern?: string;
      /** Types of columns, such as `{ zip: 'VARCHAR' }`, for CSV and JSON. Default: guessed from the text. */
      types?: Record<string, string>;
    };

/** Where the combined rows go. */
export type OutputInput =
  | { table: string; mode?: 'replace' | 'partitions' | 'append'; evolve?: boolean }
  | { file: string }
  /**
   * For a training run: its models become a new version of this model in the registry. Models that it did not
   * train are taken from `base`, a version number or an alias (default: the newest version), or are left out
   * (`'none'`).
   */
  | { model: string; base?: number | string };

/** Settings of one run; all have defaults. */
export interface RunOptions {
  /**
   * Partitions (or batches of them) in flight at the same time. Default 8, at most 24,000; above 48, the run
   * is split into shards.
   */
  maxConcurrency?: number;
  /**
   * Partitions that may fail without failing the run: a number, or a percentage of all partitions (`'5%'`,
   * rounded down). Default 0.
   */
  toleratedFailures?: number | `${number}%`;
  /**
   * Stop as soon as more partitions have failed than are tolerated. Partitions that were not started are
   * SKIPPED. Default false.
   */
  failFast?: boolean;
  /**
   * Time limit for the whole run, at least one second, e.g. `'2h'`. A run that exceeds it is stopped and
   * fails. Default: no limit.
   */
  runTimeout?: number | string;
  /** How thrown errors are retried; overrides the function's own settings. */
  retry?: RetryOptions;
  /** Time limit for one call, e.g. `'15m'`; overrides the function's own. */
  timeout?: number | string;
  /** Resident memory that one call may use, e.g. `'2GB'`; overrides the function's own. */
  memory?: string;
  /** A worker that sends no heartbeat for this long is considered lost. Default 10 s. */
  heartbeatTimeout?: number | string;
  /** Maximum number of partitions; a source with more is refused. Default 100,000. */
  maxPartitions?: number;
  /**
   * Accept a source without rows, such as a night without sales: the run has no partitions and is a SUCCESS.
   * An output is written as for any other rows: with mode `'replace'` the table has no rows afterwards.
   * Default false: the run is refused.
   */
  allowEmpty?: boolean;
  /**
   * Partitions per activity. Default: 1 for up to 500 partitions (or up to 500 per 48 of `maxConcurrency`),
   * and batches above that.
   */
  partitionsPerUnit?: number;
  /** Settings specific to the kind of warehouse, such as `{ loadingWarehouse: 'LOAD_WH' }`. */
  warehouse?: Record<string, string>;
}

/**
 * The input of a run. Only `function`, `source` and `partitionBy` (unless each file is a partition) are
 * required.
 */
export interface RunInput {
  /**
   * Name of the function, or `FILE:NAME`, such as `'functions.py:salesByRegion'`, which also sets
   * `functions`.
   */
  function: string;
  source: Source;
  partitionBy?: string[];
  /** URI of a warehouse, such as `duckdb:./warehouse.duckdb`. Default: from the worker's configuration. */
  warehouse?: string;
  /**
   * A folder, or another kind of stage, such as `s3://bucket/prefix`. Default: from the worker's
   * configuration.
   */
  stage?: string;
  /**
   * File that has the functions, or several. Default: the project's. Only for the embedded server: a deployed
   * worker runs the code it was deployed with.
   */
  functions?: string | string[];
  /**
   * Path of the Python interpreter for functions in Python. Default: the project's. Only for the embedded
   * server.
   */
  python?: string;
  /** Passed to the function as `context.params`. */
  params?: Record<string, unknown>;
  /** For the built-in function `sql`: the query, over the view `data`. */
  sql?: string;
  /** SQL condition that rows must meet. */
  where?: string;
  /**
   * How the run's rows are kept. `'stage'` (default): all rows are read once and stored on the stage.
   * `'none'`: a partition's rows are queried when its function asks for them, as the table was when the run
   * was planned. `'none'` needs a warehouse that keeps the history of tables (DuckDB does not), and works for
   * as long as that history is kept.
   */
  snapshot?: 'stage' | 'none';
  /** Run only these partition ids. */
  only?: string[];
  output?: OutputInput;
  /** For the functions of a partition model: which models to predict with, and which rows to hold out. */
  model?: ModelInput;
  /**
   * Notifier to call when the run has ended: the name of one in the worker's configuration, or, on the
   * embedded server, a webhook URL or a command.
   */
  notify?: string;
  onExisting?: 'error' | 'overwrite' | 'retry';
  /**
   * With `onExisting: 'retry'`: also rerun DONE partitions whose rows or artifacts are missing from the stage
   * or damaged. Default false: DONE partitions are never rerun.
   */
  rerunMissing?: boolean;
  /** With `onExisting: 'retry'`: as in `RetryInput`. */
  failedWith?: string;
  /** With `onExisting: 'retry'`: as in `RetryInput`. */
  ordinals?: string;
  /** With `ordinals`: as in `RetryInput`. */
  generation?: number;
  /**
   * The time that this run is for, such as `'2026-11-01T06:00:00Z'` or `'2026-11-01'` (without an offset: in
   * `timeZone`). The source query and `where` can use it as `$scheduled_time` and `$scheduled_date`, the
   * function as `context.scheduledTime`. Default: the time at which the schedule that started the run was
   * due; none for a run that was not started by a schedule.
   */
  scheduledTime?: string;
  /** IANA time zone of `$scheduled_date`, such as `'Europe/Berlin'`. Default `'UTC'`. */
  timeZone?: string;
  /**
   * What to do with partitions whose rows, code and parameters have not changed since a run of the series
   * last processed them: run them again (default), or reuse their outcomes, including artifacts. `'reuse'`
   * needs a `series`.
   */
  onUnchanged?: 'run' | 'reuse';
  /**
   * Name of the series of runs in which outcomes are reused: repeated runs of one function on one source. A
   * run in a series computes fingerprints of its rows. Runs of a schedule that reuse outcomes form a series
   * with the schedule's name.
   */
  series?: string;
  options?: RunOptions;
}

/** How often and how quickly calls are retried. */
export interface RetryRules {
  /**
   * Maximum number of calls per partition with a bad end, including the first. Default 3. Bad ends are
   * throws, timeouts, and processes that died or exceeded their memory. At most 3 calls may end in one of
   * the latter three ways, whatever this is set to, and at most 2 by exceeding memory. With 1, the function
   * is not called again after a bad end. Interruptions that the function did not cause do not count: a lost
   * worker (at most 3), an orderly worker shutdown, or a pause.
   */
  maximumAttempts?: number;
  /** Wait before the first retry. Default 1 s. */
  initialInterval?: number | string;
  /** Default 2. */
  backoffCoefficient?: number;
  /** Longest wait. Default 100 × initialInterval. */
  maximumInterval?: number | string;
}

/** How a partition is retried after a call with a bad end. */
export interface RetryOptions extends RetryRules {
  /** Class names of errors that are never retried. */
  nonRetryableErrorTypes?: string[];
  /**
   * Rules for errors of a class, by class name: `{ RateLimited: { maximumAttempts: 10, initialInterval: '30s'
   * } }`; settings that a rule leaves out are those for all errors. `Timeout`, `RunnerKilled`, `OutOfMemory`,
   * `TooMuchOutput` and `WorkerLost` are Partwise's own: for these, only `maximumAttempts` has an effect,
   * because the next call follows immediately.
   */
  byErrorType?: Record<string, RetryRules>;
}

/** The model settings of an input (`RunInput.model`). */
export interface ModelInput {
  /** Name of the model in the registry to predict with. */
  name?: string;
  /** Version of that model: a number, or an alias such as `'production'`. Default: the newest. */
  version?: number | string;
  /** Instead of `name`: the training run whose models are used. */
  run?: string;
  /**
   * What to do with a partition that has no model: fail it (`'error'`, default), skip it, or predict with
   * another partition's model.
   */
  onMissing?: 'error' | 'skip' | 'fallback';
  /** For `'fallback'`: id of the partition whose model is used instead. */
  fallback?: string;
  /** Input columns to include in predictions, in addition to the key and `row_id`. */
  keep?: string[];
  /**
   * SQL condition on a partition's rows, such as `"hour >= '2013-12-04'"`. When training, rows that meet it
   * are excluded from training and used to compute the metrics. For `NAME.fitPredict`, these rows are
   * predicted.
   */
  holdout?: string;
}

/** The task of a run of a model's function. */
export type ModelTask = 'train' | 'predict' | 'fitPredict';

/** What a continuation may change; everything else stays as it is in the run. */
export interface RetryInput {
  /** Run only these of the partition ids that are not DONE. */
  only?: string[];
  /**
   * Instead of `only`: run the partitions that failed for one cause. The text is compared with the failure
   * groups of the run's previous execution (`RunHandle.failures`): with their whole pattern, optionally
   * followed by the place, as in `'RateLimited: ◦ from ◦ (functions.ts:44)'`; with their error type; with
   * their place, such as `'functions.ts:44'`; then with any part of their pattern. The first of these that
   * some group matches decides. Each group's `failedWith` is a text that selects it. A retry whose text
   * matches no group is refused.
   */
  failedWith?: string;
  /**
   * Instead of `only`: run those of these partitions that are not DONE, by ordinal: `'3,7-9'`, ascending, at
   * most 64 KiB of text. `ordinalRanges` makes this text.
   */
  ordinals?: string;
  /**
   * The generation that `ordinals` are from (`ExecutionView.generation`): the retry is refused if the run has
   * been overwritten since, because other partitions then have these ordinals. Default: the run's current
   * generation.
   */
  generation?: number;
  /** As in `RunInput`. */
  rerunMissing?: boolean;
  /** For the built-in function `sql`: another query. */
  sql?: string;
  /** As in `RunInput`. */
  functions?: string | string[];
  /** As in `RunInput`. */
  python?: string;
  output?: OutputInput;
  /** As in `RunInput`. */
  notify?: string;
  /** Settings to change. */
  options?: RunOptions;
}
