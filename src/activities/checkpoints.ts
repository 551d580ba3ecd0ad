/**
 * Checkpoints of a unit: about once a second, the outcomes and rows since the last one, as a sealed object. What a
 * checkpoint holds is recorded: no later attempt of the unit runs it again (I4), be its number higher or, after the server
 * lost its last seconds, the same.
 */
import type { FileRef } from '../run/files';
import type { EndedPartition } from '../runners/unit-run';
import { attemptOf, compareAttempts } from '../run/stage-layout';
import type { Stage } from '../stage';
import { sealLines, segmentName, unsealLines } from './numbered-objects';

/** A file of rows; those of the ordinals in `except` are recorded elsewhere. */
export interface RecordedRows {
  file: FileRef;
  except: number[];
}

/** An end as it is recorded: with the code that made it, which may not be that of a later attempt. */
export interface RecordedPartition extends EndedPartition {
  /** sha256 of the function bundle. */
  functionDigest: string;
}

/** What attempts of a unit have recorded so far. */
export interface Recorded {
  outcomes: RecordedPartition[];
  output: RecordedRows[];
}

type CheckpointRecord = { rows: FileRef } | RecordedPartition;

export async function putCheckpoint(
  stage: Stage,
  attemptFolder: string,
  number: number,
  outcomes: readonly RecordedPartition[],
  rows: FileRef | null,
): Promise<void> {
  const records: CheckpointRecord[] = [...(rows === null ? [] : [{ rows }]), ...outcomes];
  await stage.put(`${attemptFolder}segments/${segmentName(number)}`, sealLines(records));
}

/** What attempts before recorded, in their order. `objects` are those below the unit's folder. */
export async function readCheckpoints(stage: Stage, objects: readonly { path: string }[]): Promise<Recorded> {
  const recorded: Recorded = { outcomes: [], output: [] };
  const seen = new Set<number>();
  for (const path of inOrder(objects)) {
    const records = unsealLines(await stage.get(path)) as CheckpointRecord[] | null;
    if (records === null) continue;
    const ended = records.filter((record): record is RecordedPartition => 'outcome' in record);
    // A late checkpoint of an attempt that was given up may name partitions that a later one ran again: the first record stands,
    // rows included (I10).
    const fresh = ended.filter(({ outcome }) => !seen.has(outcome.ordinal));
    const except = ended.map(({ outcome }) => outcome.ordinal).filter((ordinal) => seen.has(ordinal));
    for (const { outcome } of fresh) seen.add(outcome.ordinal);
    recorded.outcomes.push(...fresh);
    for (const record of records) if ('rows' in record) recorded.output.push({ file: record.rows, except });
  }
  return recorded;
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
