/**
 * Outcomes that an execution takes over: from earlier executions of its generation, or reused from an earlier run of its
 * series. They are one file on the stage, which the execution's history names by digest (I2), so that this execution alone
 * is enough to read the run after the older ones have expired.
 */
import type { FileRef } from './files';
import type { ErrorInfo, PartitionOutcome } from './outcome';
import type { StatusCounts } from './status';

/** What history holds of outcomes taken over. */
export interface Carried {
  /** JSON lines: `CarriedRecord`s. */
  file: FileRef;
  counts: StatusCounts;
  /** How many of them were reused from an earlier run of the series. */
  reused: number;
  /** The first few failures among them. */
  firstErrors: { id: string; error: ErrorInfo }[];
}

/** A Parquet file of rows that functions returned; those of the ordinals in `except` do not count. */
export interface RowsFile {
  file: FileRef;
  except: number[];
}

/** A line of the file. */
export type CarriedRecord = CarriedOutcome | { rows: RowsFile } | { calls: Record<number, number> };

/** One partition's outcome, and what made it. */
export interface CarriedOutcome {
  outcome: PartitionOutcome;
  /** Execution of this run that the outcome was first recorded in. */
  execution: number;
  /** sha256 of the function bundle that ran; null when none did. */
  functionDigest: string | null;
}

/** The file, read. */
export interface CarriedContent {
  outcomes: CarriedOutcome[];
  rows: RowsFile[];
  /** Calls so far of partitions that are to be run again, by ordinal. */
  calls: Record<number, number>;
}

export function carriedContent(records: readonly CarriedRecord[]): CarriedContent {
  const content: CarriedContent = { outcomes: [], rows: [], calls: {} };
  for (const record of records) {
    if ('outcome' in record) content.outcomes.push(record);
    else if ('rows' in record) content.rows.push(record.rows);
    else Object.assign(content.calls, record.calls);
  }
  return content;
}

export function carriedRecords({ outcomes, rows, calls }: CarriedContent): CarriedRecord[] {
  return [...rows.map((file) => ({ rows: file })), ...outcomes, { calls }];
}
