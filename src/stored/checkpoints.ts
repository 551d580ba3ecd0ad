/**
 * Checkpoints of a unit: about once a second, the outcomes and rows since the last one are stored as a closed
 * object. Partitions in a checkpoint are recorded: no later attempt of the unit runs them again (I4), whether
 * its number is higher or, after the server lost its last seconds, the same.
 */
import { decodeBlock, encodeBlock, filterBlock } from '../core/done-block';
import type { FileRef, RowsFile } from '../core/files';
import type { DoneRecord, NextCall } from '../core/outcome';
import type { RecordedBlock, RecordedOutcome } from '../core/recorded-outcome';
import { attemptOf, compareAttempts } from './layout';
import type { Stage } from '../stage';
import { closeLines, segmentName, readClosedLines } from './numbered-objects';

/**
 * A recorded outcome, without its execution: a continuation that takes it over is the first to record it in a
 * history. A later attempt of the unit may run other code.
 */
export interface CheckpointOutcome extends Omit<RecordedOutcome, 'execution'>, NextCall {
  functionDigest: string;
  /** Whether it ran out of memory and is to be tried on the function's `bigTaskQueue`. */
  big: boolean;
}

interface CheckpointBlock extends Omit<RecordedBlock, 'execution'> {
  functionDigest: string;
}

/** Everything that the attempts of a unit have recorded so far. */
export class Recorded {
  readonly outcomes: CheckpointOutcome[] = [];
  readonly blocks: CheckpointBlock[] = [];
  readonly output: RowsFile[] = [];
  readonly #ordinals = new Set<number>();

  /** Ordinals of all recorded partitions. */
  get ordinals(): ReadonlySet<number> {
    return this.#ordinals;
  }

  add({ outcomes, block, rows }: Recording): void {
    for (const recorded of outcomes) {
      this.outcomes.push(recorded);
      this.#ordinals.add(recorded.outcome.ordinal);
    }
    if (block !== null) {
      this.blocks.push(block);
      for (const ordinal of block.block.ordinals) this.#ordinals.add(ordinal);
    }
    if (rows !== null) this.output.push(rows);
  }
}

/** The contents of one checkpoint. */
export interface Recording {
  outcomes: readonly CheckpointOutcome[];
  block: CheckpointBlock | null;
  rows: RowsFile | null;
}

type CheckpointRecord =
  { rows: FileRef } | ({ done: DoneRecord } & { functionDigest: string }) | CheckpointOutcome;

export async function putCheckpoint(
  stage: Pick<Stage, 'put'>,
  attemptFolder: string,
  number: number,
  { outcomes, block, rows }: Recording,
): Promise<void> {
  const records: CheckpointRecord[] = [...outcomes];
  if (rows !== null) records.push({ rows: rows.file });
  if (block !== null) records.push({ done: encodeBlock(block.block), functionDigest: block.functionDigest });
  await stage.put(`${attemptFolder}segments/${segmentName(number)}`, closeLines(records));
}

/**
 * Reads what previous attempts recorded, in their order. `objects` are the objects in the unit's folder;
 * `isOwn` selects the unit's partitions. After a server lost its last seconds, the folder may belong to a
 * unit with other joined neighbours; the remaining partitions have their own units.
 */
export async function readCheckpoints(
  stage: Stage,
  objects: readonly { path: string }[],
  isOwn: (ordinal: number) => boolean,
): Promise<Recorded> {
  const recorded = new Recorded();
  for (const path of inOrder(objects)) {
    const records = checkpointRecords(await stage.get(path));
    if (records === null) continue;
    // A late checkpoint of an abandoned attempt may contain partitions that a later attempt ran again: the
    // first record counts, including its rows (I10).
    const seen = new Set(recorded.ordinals);
    const isFresh = (ordinal: number): boolean => isOwn(ordinal) && !seen.has(ordinal);
    const repeated: number[] = [];
    for (const record of records) {
      if ('outcome' in record) {
        const { ordinal } = record.outcome;
        if (isFresh(ordinal)) recorded.add({ outcomes: [record], block: null, rows: null });
        else repeated.push(ordinal);
      } else if ('done' in record) {
        const all = decodeBlock(record.done);
        const block = { block: filterBlock(all, isFresh), functionDigest: record.functionDigest };
        // A result has no block without partitions.
        if (block.block.ordinals.length > 0) recorded.add({ outcomes: [], block, rows: null });
        repeated.push(...all.ordinals.filter((ordinal) => !isFresh(ordinal)));
      }
    }
    const isRepeated = recorded.ordinals.size === seen.size;
    for (const record of records)
      if ('rows' in record && !isRepeated)
        recorded.add({ outcomes: [], block: null, rows: { file: record.rows, except: repeated } });
  }
  return recorded;
}

/** Null if it is incomplete. */
export function checkpointRecords(content: Uint8Array): CheckpointRecord[] | null {
  return readClosedLines(content) as CheckpointRecord[] | null;
}

const CHECKPOINT = /\/(a[^/]+\/)segments\/seg-\d+\.jsonl$/;

function inOrder(objects: readonly { path: string }[]): string[] {
  const checkpoints = objects.flatMap(({ path }) => {
    const place = attemptOf(CHECKPOINT.exec(path)?.[1] ?? '');
    return place === null ? [] : [{ path, place }];
  });
  checkpoints.sort((a, b) => compareAttempts(a.place, b.place) || (a.path < b.path ? -1 : 1));
  return checkpoints.map(({ path }) => path);
}
