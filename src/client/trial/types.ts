/** Results of trying a run, and of debugging a partition of one. None of them is recorded. */
import type { FinalStatus } from '../../core/outcome';
import type { LogEntry } from '../../reader/log-types';
import type { PartitionView } from '../../reader/partition-types';
import type { Row } from '../../core/row';

/** Maximum number of result rows shown per partition. */
export const MAX_ROWS_SHOWN = 20;

/** One partition that was tried. Its artifacts are deleted with the trial. */
export interface TriedPartition extends Pick<PartitionView, 'id' | 'key' | 'rows' | 'artifacts' | 'error'> {
  /** `DONE`, `FAILED` or `INTERNAL_ERROR`, as a run would record it after this one call. */
  status: FinalStatus;
  durationMs: number;
  /** The first 20 rows that the function returned, key columns before them. */
  result: Row[];
  /** Number of rows it returned. */
  resultRows: number;
}

/** The result of a trial. */
export interface TryReport {
  function: string;
  /** Largest partition first. */
  tried: TriedPartition[];
  /** Size of the whole run. */
  plan: {
    partitions: number;
    rows: number;
    /** Partitions that would run concurrently on this machine. */
    concurrency: number;
    /**
     * Estimated duration: partitions × mean time of the tried partitions that are DONE ÷ concurrency. Null if
     * none is DONE.
     */
    estimatedMs: number | null;
  };
}

/** What happens while partitions are tried. */
export type TryEvent =
  | { type: 'picked'; partitions: number; rows: number; picked: { id: string; rows: number }[] }
  | { type: 'log'; entry: LogEntry }
  | { type: 'partition'; partition: TriedPartition };

export interface TryOptions {
  /** Number of partitions to try: the largest, the smallest, and others evenly spaced by size. */
  partitions: number;
  onEvent?: (event: TryEvent) => void;
  /** Stops the functions, and rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * How a partition ended: a call made to debug it (`attempts` is then the number of the attempt), or what the
 * run recorded.
 */
export interface CallView
  extends
    Pick<PartitionView, 'status' | 'attempts' | 'durationMs' | 'artifacts' | 'error'>,
    Pick<TriedPartition, 'result' | 'resultRows'> {
  /** Lines that the last attempt printed. */
  logs: LogEntry[];
}

/** A cell of the result that differs from what was recorded. */
export interface CellDifference {
  /** The row's position, from 0. */
  row: number;
  column: string;
  now: unknown;
  recorded: unknown;
}

/** Comparison of a call with the recorded outcome. */
export interface OutcomeComparison {
  /** Whether everything below except the logs is the same. */
  same: boolean;
  status: boolean;
  /** Whether the errors have the same type and message, or there is no error on either side. */
  error: boolean;
  result: {
    same: boolean;
    /** The first 20 differing cells, in rows that exist on both sides. */
    cells: CellDifference[];
  };
  /** By name. Artifacts are the same if their sha256 is. */
  artifacts: {
    name: string;
    verdict: 'same' | 'different' | 'new' | 'gone';
    now: number | null;
    recorded: number | null;
  }[];
  /** Null: what the function printed now went to the terminal only. */
  logs: boolean | null;
}

/** The result of debugging a partition. */
export interface DebugReport {
  runId: string;
  /** The partition id. */
  partition: string;
  key: Row;
  /** Rows of the partition. */
  rows: number;
  function: string;
  now: CallView;
  /** Null while the run has recorded no outcome of this partition. */
  recorded: CallView | null;
  comparison: OutcomeComparison | null;
}

/** What happens while a partition is debugged. */
export type DebugEvent =
  /**
   * The process is waiting for a debugger at this URL (`ws://127.0.0.1:…`). Its port is the one where
   * debuggers look first, unless that was taken.
   */
  | { type: 'waiting'; url: string; portTaken: boolean }
  /**
   * The function is about to be called. `inTerminal`: by a process that has the terminal, what is typed in it
   * and its Ctrl-C, as functions in Python do.
   */
  | { type: 'calling'; attempt: number; rows: number; inTerminal: boolean }
  | { type: 'log'; entry: LogEntry };

export interface DebugOptions {
  /**
   * Wait for a debugger to attach on 127.0.0.1 (Node's inspector, on port 9229 if it is free; debugpy for
   * Python), and stop at the first line of the function. Default false.
   */
  inspect?: boolean;
  /** Open pdb where a function in Python raises an error. Default false. */
  postMortem?: boolean;
  /** The query to run instead of the run's own. Only for runs of the built-in function `sql`. */
  sql?: string;
  /** Functions file. Default: the one that the run named, else the project's. */
  functions?: string;
  onEvent?: (event: DebugEvent) => void;
  /** Aborts `context.signal`; the promise rejects with its reason. */
  signal?: AbortSignal;
}
