/** Options and report of `Partwise.clean`. */

export interface CleanOptions {
  /** Ids of the runs to remove; nothing else is removed. Cannot be combined with `olderThan` and `keep`. */
  runs?: readonly string[];
  /** Removes runs that ended longer ago than this, such as `'30d'` (a number means milliseconds). */
  olderThan?: number | string;
  /**
   * Keeps this many of the newest runs and removes the others; with `olderThan`, only those that are older.
   */
  keep?: number;
  /** Report what would be removed, without removing it. Default false. */
  dryRun?: boolean;
  /** The stage. Default: the project's. */
  stage?: string;
}

export interface FilesAndBytes {
  files: number;
  bytes: number;
}

/** A run that is kept and cannot be read. */
export interface UnreadRun {
  runId: string;
  /** Why it cannot be read, as a sentence. */
  why: string;
}

/** The files of one run that were, or would be, removed. */
export interface CleanedRun extends FilesAndBytes {
  runId: string;
  /** ISO 8601 UTC. If the run's end is not recorded any more, when it was opened. */
  endedAt: string;
  /**
   * `run`: the whole run. `leftovers`: only files that no record names, such as those of a killed attempt.
   */
  what: 'run' | 'leftovers';
  /** Files of a removed run that are kept because other runs reuse them, or a series may. */
  needed: FilesAndBytes;
}

export interface CleanReport extends FilesAndBytes {
  /** Absolute URI of the stage. */
  stage: string;
  dryRun: boolean;
  /** Runs from which files are removed, oldest first. */
  runs: CleanedRun[];
  /** Runs that cannot be read. Their files, and those they reuse from other runs, are kept. */
  unread: UnreadRun[];
  /** Series ledgers that newer ones have replaced. */
  ledgers: FilesAndBytes;
  /** Model files that no version needs, because it was removed or its registration was interrupted. */
  models: FilesAndBytes;
  /** Remains of puts that were interrupted more than a day ago. */
  unfinished: FilesAndBytes;
}
