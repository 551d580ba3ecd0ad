/** Types of what functions printed, as readers get it. */

/** One captured line of a partition's console. */
export interface LogEntry {
  at: string;
  partition: string | null;
  /** Number of the execution that printed it; 2 after the first retry. */
  execution: number;
  /** The partition's attempt within the execution. */
  attempt: number;
  stream: 'stdout' | 'stderr';
  text: string;
}

/** Selects a page of a partition's log. Without `after` and `before`: its end. */
export interface LogPageOptions {
  /** Only lines after this position; -1 for the beginning. */
  after?: number;
  /** Only lines before this position. Not together with `after`. */
  before?: number;
  /** Maximum number of lines: 1 to 2,000, default 500. */
  limit?: number;
  stream?: 'stdout' | 'stderr';
  /** The partition's attempt within its execution. */
  attempt?: number;
  execution?: number;
  /** Only lines that contain this text, ignoring case. */
  search?: string;
}

/** A line of a partition's log. */
export interface LogPageLine extends LogEntry {
  /**
   * Where it is in the partition's log. Positions ascend, and do not change while the log grows, so they are
   * for links: `{ after: position - 1 }` is the page that begins with this line.
   */
  position: number;
  /**
   * Its number among the lines of the partition, from 1. Null if the lines before it would have to be
   * downloaded to count them, as on a remote stage.
   */
  number: number | null;
}

/** A page of a partition's log. */
export interface LogPage {
  /** In the order in which they were written. */
  lines: LogPageLine[];
  /** Size of the log; of a batch, it includes the lines of other partitions. */
  totalBytes: number;
  /** How much of it was read for this page: at most 64 MB, so a search may end before it finds a line. */
  scannedBytes: number;
  /** Pass as `before` for the page before this one; null at the beginning. */
  previous: number | null;
  /** Pass as `after` for the page after this one; at the end of the log, for lines that are written later. */
  next: number;
  /** Whether there is nothing after this page now. */
  atEnd: boolean;
}
