/** Types of lists of runs. */
import type { ShortError } from '../core/end-memo';
import type { RunStatus, StatusCounts } from '../core/status';

/** Selects the runs to list. */
export interface ListOptions {
  /**
   * Default 20, at most 1,000. A page may have fewer runs, or none, although `next` is set: runs excluded by
   * the filter count towards the limit.
   */
  limit?: number;
  /** The `next` of the previous page. */
  after?: string;
  status?: RunStatus;
  /** Name of the function. */
  function?: string;
  /** Name of a schedule that started them. */
  schedule?: string;
  /**
   * Runs that only archives on the project's stage have, because the server has deleted their histories,
   * instead of those on the server. Default false.
   */
  archived?: boolean;
  /** Only runs whose ids contain this, in upper or lower case. */
  text?: string;
  /** Only runs whose latest execution was started at this time or later. */
  startedFrom?: Date;
  /** Only runs whose latest execution was started before this time. */
  startedBefore?: Date;
}

export interface RunPage {
  /**
   * Runs in progress first, newest first; then ended runs, latest end first. Archived runs: by run id, the
   * last one first.
   */
  runs: RunListing[];
  /** Number of starts of this page that were refused, so that there is no run. */
  refused: number;
  /** Runs that cannot be read, and why: damaged archives, and runs that are encrypted with another key. */
  unread: { runId: string; why: string }[];
  /** Pass as `after` for the next page; null on the last. */
  next: string | null;
}

/** A run in a list. */
export interface RunListing {
  runId: string;
  status: RunStatus;
  function: string | null;
  startedAt: string;
  endedAt: string | null;
  /**
   * Number of partitions with each status, and of all. Null for a run in progress (`getRun(runId).status()`
   * counts them), and for one that was terminated or timed out.
   */
  counts: (StatusCounts & { total: number }) | null;
  /** Number of rows of all partitions; null when `counts` is. */
  rows: number | null;
  /** Why it ended as it did. Null if it is in progress, or if it is a success as its settings define it. */
  error: ShortError | null;
  /** Whether only an archive on the stage has it. */
  archived: boolean;
}
