/** What trying a run, and debugging a partition of one, give. Nothing of either is recorded. */
import type { Row } from '../functions/types';
import type { ErrorInfo, FinalStatus } from '../run/outcome';
import type { ArtifactView, LogEntry } from './types';

/** One partition that was tried. */
export interface TriedPartition {
  id: string;
  key: Row;
  /** `DONE`, `FAILED` or `INTERNAL_ERROR`, as a run would record it after this one call. */
  status: FinalStatus;
  /** Rows of the partition. */
  rows: number;
  durationMs: number;
  /** The first 20 rows that the function returned, key columns before them. */
  result: Row[];
  /** How many rows it returned. */
  resultRows: number;
  /** What it uploaded; gone with the try. */
  artifacts: ArtifactView[];
  error: ErrorInfo | null;
}

/** What came of a try. */
export interface TryReport {
  function: string;
  /** The largest first. */
  tried: TriedPartition[];
  /** What the whole run would be. */
  plan: {
    partitions: number;
    rows: number;
    /** Partitions that would run at once here. */
    concurrency: number;
    /** About how long it would take: partitions × mean time of those tried that are DONE ÷ concurrency; null when none is. */
    estimatedMs: number | null;
  };
}

/** What happens while partitions are tried. */
export type TryEvent =
  | { type: 'picked'; partitions: number; rows: number; picked: { id: string; rows: number }[] }
  | { type: 'log'; entry: LogEntry }
  | { type: 'partition'; partition: TriedPartition };

export interface TryOptions {
  /** How many partitions: the largest, the smallest, and the rest evenly between them by size. */
  partitions: number;
  onEvent?: (event: TryEvent) => void;
  /** Ends the functions, and the try with the signal's reason. */
  signal?: AbortSignal;
}
