/**
 * Outcomes as they are recorded: each with what made it. Unit results, checkpoints, the file of outcomes
 * taken over and the ledger of a series store this in JSON of their own; in memory it has this one shape, and
 * for DONE partitions of batches the column form.
 */
import type { DoneBlock } from './done-block';
import type { PartitionOutcome } from './outcome';
import type { Runtime } from './runtime';

export interface MadeBy {
  /** The execution of this run that first recorded it. */
  execution: number;
  /** sha256 of the function bundle that ran; null if none ran. */
  functionDigest: string | null;
}

/** `Outcome`: an `EndedOutcome` where only the partition index may have the id and the rows. */
export interface RecordedOutcome<Outcome = PartitionOutcome> extends MadeBy {
  outcome: Outcome;
  /** Of an outcome that is reused from another run: what its function, in Python, ran on. */
  runtime?: Runtime;
}

/** DONE partitions of batches. */
export interface RecordedBlock extends MadeBy {
  block: DoneBlock;
}
