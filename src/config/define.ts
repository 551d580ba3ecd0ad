import type { TemporalSettings } from '../temporal/settings';

/**
 * What `partwise.config.{ts,js,mjs,json}` holds. Everything is optional; paths are relative to the file's
 * folder.
 */
export interface PartwiseConfig {
  /**
   * The file that exports the partition functions. Default: `functions.ts`, `.js` or `.mjs` beside this file.
   */
  functions?: string;
  /**
   * Where tables are read and written: `duckdb:./warehouse.duckdb`, which is also the default, or the URI of
   * a warehouse of another kind. The documentation has a page for each.
   */
  warehouse?: string;
  /**
   * Place for snapshots, artifacts, logs and results: a folder, or a stage of another kind, such as
   * `s3://bucket/prefix`. Default `./stage`.
   */
  stage?: string;
  /** Which Temporal server to use. Default: one that Partwise starts for this project. */
  temporal?: TemporalSettings;
  worker?: {
    /**
     * Partitions that run at once on this machine, each in a process of its own. Default: the number of
     * cores.
     */
    runners?: number;
    /**
     * Where Prometheus finds the worker's metrics: a port of the loopback interface (`'9464'`), or
     * `HOST:PORT` for others to see them. Default: nowhere.
     */
    metrics?: string;
    /**
     * A collector that takes OpenTelemetry's spans over HTTP, such as `'http://127.0.0.1:4318/v1/traces'`.
     * Default: none are made.
     */
    traces?: string;
    /**
     * Environment variables that functions see although the worker keeps them to itself, as it does with
     * credentials of Temporal, of warehouses and of stages: `['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']`
     * for functions that use the AWS SDK. Default: none.
     */
    passEnv?: string[];
  };
  /**
   * What runs may name as `notify`, to be told when they end: `{ ops: { url: process.env.OPS_WEBHOOK } }` or
   * `{ mail: { command: './mail.sh' } }`. A webhook gets the notice as the body of a POST, a command on
   * standard input.
   */
  notify?: Record<string, Notifier>;
  /**
   * What the input of a run may use besides the warehouse and the stage above. An empty list allows nothing
   * more. The defaults are those for runs that are not trusted (all runs of a deployed worker); a trusted run
   * may use anything that has no list.
   */
  allow?: {
    /** Default: none. */
    warehouses?: string[];
    /** Default: none. */
    stages?: string[];
    /**
     * Folders that inputs may read files in (`source.files`, `read_csv` and the like in their SQL) and write
     * to (`output.file`), and URLs that their SQL may read, such as `s3://bucket/prefix/`. Default: the
     * project folder, without hidden entries and the configuration file, and the stage. For runs that are not
     * trusted only.
     */
    files?: string[];
    /**
     * Extensions of DuckDB, installed on the worker, that SQL of inputs may use. Default: those that are
     * built in. For runs that are not trusted only.
     */
    extensions?: string[];
  };
}

/** Where to say that a run has ended. A command is run by a shell. */
export type Notifier = { url: string; headers?: Record<string, string> } | { command: string };

/**
 * Types the configuration for editors; returns it as it is.
 *
 * @example
 * // partwise.config.ts
 * import { defineConfig } from 'partwise';
 * export default defineConfig({ warehouse: 'duckdb:./warehouse.duckdb', worker: { runners: 4 } });
 */
export function defineConfig(config: PartwiseConfig): PartwiseConfig {
  return config;
}
