import type { TemporalSettings } from '../temporal/settings';

/**
 * The content of `partwise.config.{ts,js,mjs,json}`, or of the table `[tool.partwise]` in `pyproject.toml`.
 * Everything is optional; paths are relative to the file's folder.
 */
export interface PartwiseConfig {
  /**
   * The file that has the partition functions, or several: all names are known to the project, and no two
   * functions may have the same. Default: `functions.ts`, `.js` or `.mjs`, and `functions.py`, next to this
   * file.
   */
  functions?: string | string[];
  /**
   * The Python interpreter for functions in Python: a path, or the name of a command. Default: the activated
   * virtual environment, `.venv` or `venv` next to the functions file or in a folder above it, the activated
   * Conda environment, and `python3`; the first that exists.
   */
  python?: string;
  /**
   * Where tables are read and written: `duckdb:./warehouse.duckdb` (the default), or the URI of another kind
   * of warehouse; see the documentation page for each kind.
   */
  warehouse?: string;
  /**
   * Where snapshots, artifacts, logs and results are stored: a folder, or another kind of stage such as
   * `s3://bucket/prefix`. Default `./stage`.
   */
  stage?: string;
  /** How the worker's DuckDB is prepared, whatever the warehouse is. */
  duckdb?: {
    /**
     * SQL statements to run, in order, in each DuckDB in which sources are read: `LOAD`, `CREATE SECRET`,
     * `ATTACH`, `SET`. `${NAME}` in a statement is the value of this environment variable of the worker,
     * escaped for a string literal, so that no password is in the configuration, a query or history. Every
     * run may read what it attaches, on a deployed worker too; functions get none of it.
     *
     * @example
     * setup: [
     *   'LOAD postgres',
     *   "CREATE SECRET erp (TYPE postgres, HOST 'db', USER 'reader', PASSWORD '${ERP_PASSWORD}')",
     *   "ATTACH '' AS erp (TYPE postgres, SECRET erp, READ_ONLY)",
     * ]
     */
    setup?: string[];
  };
  /** Which Temporal server to use. Default: a server that Partwise starts for this project. */
  temporal?: TemporalSettings;
  worker?: {
    /**
     * Number of partitions that run concurrently on this machine, each in its own process. Default: the
     * number of cores.
     */
    runners?: number;
    /**
     * The GPUs for functions that declare `gpus`: `'auto'` (those that `nvidia-smi -L` lists), how many, or
     * their ids as in `CUDA_VISIBLE_DEVICES`. Default: none.
     */
    gpus?: 'auto' | number | readonly string[];
    /**
     * Where the worker serves metrics for Prometheus: a loopback port (`'9464'`), or `HOST:PORT` to make them
     * reachable from other machines. Default: not served.
     */
    metrics?: string;
    /**
     * An OpenTelemetry collector to send spans to over HTTP, such as `'http://127.0.0.1:4318/v1/traces'`.
     * Default: no tracing.
     */
    traces?: string;
    /**
     * Environment variables to pass to functions that the worker would otherwise hide from them, as it hides
     * credentials for Temporal, warehouses and stages: for example `['AWS_ACCESS_KEY_ID',
     * 'AWS_SECRET_ACCESS_KEY']` for functions that use the AWS SDK. Default: none.
     */
    passEnv?: string[];
  };
  /**
   * Notifiers that runs can name as `notify`, called when a run ends: `{ ops: { url: process.env.OPS_WEBHOOK
   * } }` or `{ mail: { command: './mail.sh' } }`. A webhook receives the notice as the body of a POST
   * request, a command on standard input.
   */
  notify?: Record<string, Notifier>;
  /**
   * What the input of a run may use in addition to the warehouse and the stage above. An empty list allows
   * nothing more. The defaults apply to untrusted runs (all runs of a deployed worker); without a list, a
   * trusted run may use anything.
   */
  allow?: {
    /** Default: none. */
    warehouses?: string[];
    /** Default: none. */
    stages?: string[];
    /**
     * Folders in which inputs may read files (`source.files`, `read_csv` and similar in their SQL) and write
     * files (`output.file`), and URLs that their SQL may read, such as `s3://bucket/prefix/`. Default: the
     * stage, and the project folder without hidden entries and the configuration file. Applies to untrusted
     * runs only.
     */
    files?: string[];
    /**
     * DuckDB extensions, installed on the worker, that the SQL of inputs may use. Default: the built-in
     * extensions. Applies to untrusted runs only.
     */
    extensions?: string[];
  };
}

/** A webhook or command to notify when a run has ended. Commands are run by a shell. */
export type Notifier = { url: string; headers?: Record<string, string> } | { command: string };

/**
 * Returns the configuration unchanged; gives it a type for editors.
 *
 * @example
 * // partwise.config.ts
 * import { defineConfig } from 'partwise';
 * export default defineConfig({ warehouse: 'duckdb:./warehouse.duckdb', worker: { runners: 4 } });
 */
export function defineConfig(config: PartwiseConfig): PartwiseConfig {
  return config;
}
