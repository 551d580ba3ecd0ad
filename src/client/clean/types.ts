/** What `Partwise.clean` takes and tells. */

export interface CleanOptions {
  /** Runs to remove, by id, and nothing of others. Not together with `olderThan` and `keep`. */
  runs?: readonly string[];
  /** Removes runs that ended longer ago than this, such as `'30d'` (a number means milliseconds). */
  olderThan?: number | string;
  /** Removes runs but for the newest so many. With `olderThan`: of those, only what is older. */
  keep?: number;
  /** Only says what would be removed. Default false. */
  dryRun?: boolean;
  /** Folder of the stage; default: the project's. */
  stage?: string;
}

export interface FilesAndBytes {
  files: number;
  bytes: number;
}

/** A run that stays, and cannot be read. */
export interface UnreadRun {
  runId: string;
  /** A sentence. */
  why: string;
}

/** What was, or would be, removed of one run. */
export interface CleanedRun extends FilesAndBytes {
  runId: string;
  /** ISO 8601 UTC; of a run whose end nobody knows any more, when it was opened. */
  endedAt: string;
  /**
   * `run`: all of it. `leftovers`: files that nothing recorded names, such as those of an attempt that was
   * killed.
   */
  what: 'run' | 'leftovers';
  /** Of a run that is removed: files that stay, because other runs have reused them, or a series may. */
  needed: FilesAndBytes;
}

export interface CleanReport extends FilesAndBytes {
  /** Absolute URI of the stage. */
  stage: string;
  dryRun: boolean;
  /** Runs that anything is removed of, the oldest first. */
  runs: CleanedRun[];
  /** Runs that cannot be read: nothing is removed of them, nor of others what they took over. */
  unread: UnreadRun[];
  /** Ledgers of series that newer ones have taken the place of. */
  ledgers: FilesAndBytes;
  /** Of models: what no version names, because it was removed, or was cut off before it came to be. */
  models: FilesAndBytes;
  /** What puts that were cut off more than a day ago have left. */
  unfinished: FilesAndBytes;
}
