/** One partition of a run, as readers get it and `--json` prints it. */
import type { EarlierError } from '../core/earlier-errors';
import type { ErrorInfo } from '../core/outcome';
import type { Column } from '../core/plan';
import type { Row } from '../core/row';
import type { PartitionStatus } from '../core/status';
import type { ArtifactReader } from '../functions/types';
import type { NextAttempt } from '../history/state';
import type { LogEntry, LogPage, LogPageOptions } from './log-types';
import type { ArtifactKind } from './partitions/artifact-kind';

/** An artifact. */
export interface ArtifactView {
  name: string;
  bytes: number;
  sha256: string;
}

/** The beginning of an artifact. */
export interface ArtifactHead {
  name: string;
  /** Size of the whole artifact. */
  totalBytes: number;
  /** Digest of the whole artifact, as recorded. */
  sha256: string;
  /** By content, and for text by the ending of its name. */
  kind: ArtifactKind;
  content: Uint8Array;
  /** Whether `content` is all of the artifact and has the recorded digest. A part cannot be checked. */
  checked: boolean;
}

/** The first rows of an artifact. */
export interface TablePreview {
  /** With DuckDB's types; values of CSV are text. */
  columns: Column[];
  /** At most 200, each with a value per column as JSON has it: large integers and bytes are text. */
  rows: unknown[][];
  /** Whether the artifact has more rows than these. */
  more: boolean;
  /** Whether the whole artifact was read and has the recorded digest. A part cannot be checked. */
  checked: boolean;
}

/** State of one partition. */
export interface PartitionView {
  id: string;
  /** Its position in key order, from 0. */
  ordinal: number;
  key: Row;
  status: PartitionStatus;
  /** How often the function was called for it, including a call in progress. */
  attempts: number;
  /** Rows of the source. */
  rows: number;
  /** Rows that the function returned; 0 until the partition is DONE. */
  returnedRows: number;
  startedAt: string | null;
  durationMs: number | null;
  /**
   * Whether it was taken over from an earlier run of the series: the times are from that run, and `attempts`
   * is 0.
   */
  reused: boolean;
  error: ErrorInfo | null;
  /**
   * Errors of its calls before the last one, in order: the first three at most. Calls that were lost with
   * their worker, and so have no recorded error, are missing. A retry takes over those of at most 20,000
   * partitions.
   */
  earlierErrors: EarlierError[];
  /** If its last attempt failed and another is waiting, according to a running server; otherwise null. */
  nextAttempt: NextAttempt | null;
  artifacts: ArtifactView[];
  /** Number of the execution that it ended in; null until it has ended. */
  execution: number | null;
  /**
   * Id of the activity that runs it or that it ended in, as `run.units()` and Temporal's UI show it. Null if
   * it is not running, and if it ended in an earlier execution.
   */
  unit: string | null;
  /** Identity of the worker that ran its last call; null if that is not recorded. */
  worker: string | null;
  /** sha256 of the bundle of functions that its last call ran; null if none did, and until it has ended. */
  functionDigest: string | null;
}

export interface PartitionPage {
  partitions: PartitionView[];
  /** Pass as `after` for the next page; null on the last. */
  next: string | null;
}

/** One partition of a run. */
export interface PartitionHandle {
  readonly id: string;
  /** Throws `NoSuchPartition` (with the nearest ids) if the run has no partition with this id. */
  describe(): Promise<PartitionView>;
  /** Rows that the function returned, with the key columns before them; empty until the partition is DONE. */
  result(): Promise<Row[]>;
  logs(): Promise<LogEntry[]>;
  /**
   * A page of its log, without reading the rest: the end, or what is after or before a position, filtered or
   * searched. Throws `RangeError` for a limit or a position out of range.
   *
   * @example
   * const { lines, previous } = await run.partition('North').logPage({ limit: 100 });
   * const before = await run.partition('North').logPage({ before: previous ?? 0, search: 'warning' });
   */
  logPage(options?: LogPageOptions): Promise<LogPage>;
  readonly artifacts: {
    list(): Promise<ArtifactView[]>;
    /**
     * Returns JSON artifacts as values, text as strings and anything else as bytes, or the result of `read`
     * on the bytes.
     */
    get<T = unknown>(name: string, options?: { read?: ArtifactReader<T> }): Promise<T>;
    /**
     * Its first bytes: 64 KiB unless `bytes` is set, at most 1 MiB. Reads no more than these.
     *
     * @example
     * const { kind, totalBytes } = await run.partition('North').artifacts.head('chart.svg');
     */
    head(name: string, options?: { bytes?: number }): Promise<ArtifactHead>;
    /**
     * The first 200 rows of CSV (of its first 1 MiB) or Parquet. Throws `NotATable`.
     *
     * @example
     * const { columns, rows } = await run.partition('North').artifacts.preview('orders.parquet');
     */
    preview(name: string): Promise<TablePreview>;
    /** Writes the artifact to `folder` and returns the file's path. */
    download(name: string, folder: string): Promise<string>;
  };
}
