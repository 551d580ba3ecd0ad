import { alikeFailures } from '../../core/failures/alike';
import { encodeBlock } from '../../core/done-block';
import type { FileRef } from '../../core/files';
import type { OutcomeRecord, PartitionOutcome, UnitResult } from '../../core/outcome';
import { encodeOrdinals } from '../../core/units/ordinals';
import { namesGivenBack } from '../../core/units/retry-units';
import type { UnitTask } from '../../core/tasks';
import { noCounts } from '../../core/status';
import type { CheckpointOutcome, Recorded } from '../../stored/checkpoints';
import { closeLines } from '../../stored/numbered-objects';
import type { UnitRecorder } from './recorder';

/** Larger outcomes are stored in a file (I7). */
const MAX_INLINE_BYTES = 8 * 1024;
/** Number of errors repeated in the run's summary: enough to see what is wrong. */
const MAX_ERRORS = 3;
const ERROR_LENGTH = 300;

/** Builds the unit's result for history. */
export async function unitResult(parts: {
  task: UnitTask;
  recorder: UnitRecorder;
  functionDigest: string;
  logs: string;
  worker: string;
}): Promise<UnitResult> {
  const { task, recorder, functionDigest, logs, worker } = parts;
  const { recorded } = recorder;
  const byOrdinal = [...recorded.outcomes].sort((a, b) => a.outcome.ordinal - b.outcome.ordinal);
  const again = byOrdinal.filter(({ retryable }) => retryable);
  const big = byOrdinal.filter((ended) => ended.big);
  const later = new Set([...again, ...big]);
  const waits = again.flatMap(({ retryDelayMs }) => retryDelayMs ?? []);
  const ended = byOrdinal.filter((each) => !later.has(each)).map(({ outcome }) => outcome);
  const counts = noCounts();
  for (const { status } of ended) counts[status]++;
  for (const { block } of recorded.blocks) counts.DONE += block.ordinals.length;
  return {
    version: 1,
    unit: task.unit,
    round: task.round,
    counts,
    outcomes: await inlineOrFile(
      // The outcomes that people look for come first.
      [
        ...byOrdinal.map(({ outcome }) => outcome),
        ...recorded.blocks.map(({ block }) => ({ done: encodeBlock(block) })),
      ],
      recorder,
    ),
    output: await recorder.mergedOutput(),
    retry: encodedOrdinals(again),
    big: encodedOrdinals(big),
    ...(later.size > 0 && {
      names: namesGivenBack(byOrdinal.filter((each) => later.has(each)).map(({ outcome }) => outcome)),
    }),
    retryAfterMs: waits.length === 0 ? null : Math.max(...waits),
    alike:
      recorded.blocks.length > 0
        ? null
        : // Partitions with a second chance with more memory do not count yet.
          alikeFailures(byOrdinal.filter((each) => !each.big).map(({ outcome }) => outcome)),
    doneMs: doneMs(recorded),
    firstErrors: firstErrors(ended),
    logs: `${logs}logs/`,
    functionDigest,
    otherCode: otherCode(recorded, functionDigest),
    worker,
  };
}

/** Partitions that earlier attempts recorded on workers with other code. */
function otherCode({ outcomes, blocks }: Recorded, functionDigest: string): UnitResult['otherCode'] {
  const others = new Map<string, number[]>();
  const note = (digest: string, ordinals: Iterable<number>): void => {
    if (digest === functionDigest) return;
    const noted = others.get(digest) ?? [];
    for (const ordinal of ordinals) noted.push(ordinal);
    others.set(digest, noted);
  };
  for (const each of outcomes) note(each.functionDigest, [each.outcome.ordinal]);
  for (const each of blocks) note(each.functionDigest, each.block.ordinals);
  return [...others].map(([digest, ordinals]) => ({
    functionDigest: digest,
    ordinals: encodeOrdinals(ordinals.sort((a, b) => a - b)),
  }));
}

function doneMs({ outcomes, blocks }: Recorded): number {
  let sum = 0;
  for (const { outcome } of outcomes) if (outcome.status === 'DONE') sum += outcome.durationMs;
  for (const { block } of blocks) for (const durationMs of block.durationMs) sum += durationMs;
  return Math.round(sum);
}

function encodedOrdinals(ended: readonly CheckpointOutcome[]): string | null {
  return ended.length === 0 ? null : encodeOrdinals(ended.map(({ outcome }) => outcome.ordinal));
}

async function inlineOrFile(
  outcomes: OutcomeRecord[],
  recorder: UnitRecorder,
): Promise<OutcomeRecord[] | FileRef> {
  // enforces I7
  if (Buffer.byteLength(JSON.stringify(outcomes)) <= MAX_INLINE_BYTES) return outcomes;
  return recorder.put('outcomes.jsonl', closeLines(outcomes));
}

function firstErrors(outcomes: readonly PartitionOutcome[]): UnitResult['firstErrors'] {
  return outcomes
    .flatMap(({ id, error }) => (error === null ? [] : [{ id, error }]))
    .slice(0, MAX_ERRORS)
    .map(({ id, error: { type, message } }) => ({
      id,
      error: { type, message: message.slice(0, ERROR_LENGTH), stack: null },
    }));
}
