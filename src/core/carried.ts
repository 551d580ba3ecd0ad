/**
 * Outcomes that an execution takes over: from earlier executions of its generation, or reused from an earlier
 * run of its series. They are stored as one file on the stage, which the execution's history names by digest
 * (I2), so this execution alone is enough to read the run after the older ones have expired.
 */
import { decodeBlock, encodeBlock } from './done-block';
import type { EarlierError } from './earlier-errors';
import type { FileRef, RowsFile } from './files';
import type { DoneRecord, ErrorInfo } from './outcome';
import type { MadeBy, RecordedBlock, RecordedOutcome } from './recorded-outcome';
import type { Runtime } from './runtime';
import type { StatusCounts } from './status';

/** What history records about outcomes taken over. */
export interface Carried {
  /** JSON lines: `CarriedRecord`s. */
  file: FileRef;
  counts: StatusCounts;
  /** Number of outcomes reused from an earlier run of the series. */
  reused: number;
  /** The first few failures among them. */
  firstErrors: { id: string; error: ErrorInfo }[];
  /** What functions in Python ran on whose outcomes are reused. Absent if there are none. */
  runtimes?: Runtime[];
}

/** One line of the file. */
export type CarriedRecord =
  | RecordedOutcome
  | ({ done: DoneRecord } & MadeBy)
  | { rows: RowsFile }
  | { calls: Record<number, number>; earlierErrors?: Record<number, EarlierError[]> };

/** The parsed file. */
export interface CarriedContent {
  outcomes: RecordedOutcome[];
  blocks: RecordedBlock[];
  rows: RowsFile[];
  /** Calls so far of partitions that will run again, by ordinal. */
  calls: Record<number, number>;
  /** Errors of these calls, by ordinal. */
  earlierErrors: Record<number, EarlierError[]>;
}

/** Ordinals of the partitions that have an outcome. */
export function carriedOrdinals({ outcomes, blocks }: CarriedContent): Set<number> {
  const ordinals = new Set(outcomes.map(({ outcome }) => outcome.ordinal));
  for (const { block } of blocks) for (const ordinal of block.ordinals) ordinals.add(ordinal);
  return ordinals;
}

export function carriedContent(records: readonly CarriedRecord[]): CarriedContent {
  const content: CarriedContent = { outcomes: [], blocks: [], rows: [], calls: {}, earlierErrors: {} };
  for (const record of records) {
    if ('outcome' in record) content.outcomes.push(record);
    else if ('done' in record) {
      const { done, ...madeBy } = record;
      content.blocks.push({ block: decodeBlock(done), ...madeBy });
    } else if ('rows' in record) content.rows.push(record.rows);
    else {
      Object.assign(content.calls, record.calls);
      Object.assign(content.earlierErrors, record.earlierErrors);
    }
  }
  return content;
}

export function carriedRecords({
  outcomes,
  blocks,
  rows,
  calls,
  earlierErrors,
}: CarriedContent): CarriedRecord[] {
  const done = blocks.map(({ block, ...madeBy }) => ({ done: encodeBlock(block), ...madeBy }));
  const last = Object.keys(earlierErrors).length === 0 ? { calls } : { calls, earlierErrors };
  return [...rows.map((file) => ({ rows: file })), ...outcomes, ...done, last];
}
