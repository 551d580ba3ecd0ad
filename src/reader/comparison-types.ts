/** Types of a comparison of two runs. */
import type { PartitionStatus, RunStatus } from '../core/status';
import type {
  ComparisonColumns,
  DifferenceCause,
  DurationRatios,
  PartitionDifference,
} from '../history/compare-runs';

/** A run in a comparison. */
export interface ComparedRun {
  runId: string;
  workflowRunId: string;
  /** Number of the execution. */
  execution: number;
  status: RunStatus;
  partitions: number;
  startedAt: string;
  function: string | null;
}

/** A partition in two runs. */
export interface ComparedPartitionView {
  id: string;
  /** Null if the run has no such partition. */
  a: ComparedOutcome | null;
  b: ComparedOutcome | null;
  differences: PartitionDifference[];
  /** What has changed. Empty: same rows (if they were compared), same code, same params, same runtime. */
  causes: DifferenceCause[];
}

/** A partition in one of two runs. */
export interface ComparedOutcome {
  ordinal: number;
  status: PartitionStatus;
  /** Source rows. */
  rows: number;
  /** Number of rows that the function returned. */
  returnedRows: number;
  durationMs: number | null;
}

/** How two runs differ, with partitions joined by id. */
export interface RunComparison {
  a: ComparedRun;
  b: ComparedRun;
  /** Number of partitions that both runs have. */
  inBoth: number;
  /**
   * Of these, the number by status: `transitions[i][j]` have the status `PARTITION_STATUSES[i]` in a and
   * `PARTITION_STATUSES[j]` in b.
   */
  transitions: number[][];
  /** Number of partitions that differ, by how; a partition can differ in several ways. */
  differences: Record<PartitionDifference, number>;
  /**
   * Number of partitions in both that differ, by what has changed: their source rows, the function's code,
   * its params (or the models that it uses), the versions of Python and its packages, or none of them. A
   * partition can have several causes.
   */
  causes: Record<DifferenceCause | 'none', number>;
  /** Number of partitions in both, whether they differ or not, by what has changed. */
  changed: Record<DifferenceCause, number>;
  /**
   * Whether all changes of source rows are known: the runs share a snapshot, or both are in a series and so
   * have fingerprints. Otherwise only changes of their number are known.
   */
  rowsCompared: boolean;
  /**
   * Durations in b divided by those in a, of partitions that ran and were DONE in both; null if there are
   * none.
   */
  durationRatios: DurationRatios | null;
  /** All partitions of either run. */
  columns: ComparisonColumns;
  /** Positions in `columns` of the partitions that differ: new failures first, then by weight. */
  order: Int32Array;
  /** The first partitions of `order`. */
  examples: ComparedPartitionView[];
  /** The ten partitions whose durations changed most, in milliseconds, of those in `durationRatios`. */
  durationsChanged: ComparedPartitionView[];
}
