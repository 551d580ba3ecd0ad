import { alikeFailures } from '../run/alike';
import type { FileRef } from '../run/files';
import type { PartitionOutcome, UnitResult } from '../run/outcome';
import { encodeOrdinals } from '../run/ordinals';
import type { UnitTask } from '../run/plan';
import { noCounts } from '../run/status';
import type { EndedPartition } from '../runners/unit-run';
import type { RecordedPartition } from './checkpoints';
import { sealLines } from './numbered-objects';
import type { UnitRecorder } from './unit-recorder';

/** Larger outcomes are a file (I7). */
const MOST_INLINE_BYTES = 8 * 1024;
/** Errors repeated for the run's summary: enough to see what is wrong. */
const MOST_ERRORS = 3;
const ERROR_LENGTH = 300;

/** Puts together what history will hold of the unit. */
export async function unitResult(parts: {
  task: UnitTask;
  recorder: UnitRecorder;
  functionDigest: string;
  logs: string;
  worker: string;
}): Promise<UnitResult> {
  const { task, recorder, functionDigest, logs, worker } = parts;
  const byOrdinal = [...recorder.recorded.outcomes].sort((a, b) => a.outcome.ordinal - b.outcome.ordinal);
  const again = byOrdinal.filter(({ retryable }) => retryable);
  const big = byOrdinal.filter((ended) => ended.big);
  const later = new Set([...again, ...big]);
  const waits = again.flatMap(({ retryDelayMs }) => retryDelayMs ?? []);
  const outcomes = byOrdinal.map(({ outcome }) => outcome);
  const ended = byOrdinal.filter((recorded) => !later.has(recorded)).map(({ outcome }) => outcome);
  const counts = noCounts();
  for (const { status } of ended) counts[status]++;
  return {
    version: 1,
    unit: task.unit,
    round: task.round,
    counts,
    outcomes: await inlineOrFile(outcomes, recorder),
    output: await recorder.mergedOutput(),
    retry: ordinalsOf(again),
    big: ordinalsOf(big),
    retryAfterMs: waits.length === 0 ? null : Math.max(...waits),
    // What has a second chance with more memory says nothing yet.
    alike: alikeFailures(byOrdinal.filter((recorded) => !recorded.big).map(({ outcome }) => outcome)),
    firstErrors: firstErrors(ended),
    logs: `${logs}logs/`,
    functionDigest,
    otherCode: otherCode(byOrdinal, functionDigest),
    worker,
  };
}

/** Of partitions that earlier attempts recorded, on workers with other code. */
function otherCode(ended: readonly RecordedPartition[], functionDigest: string): UnitResult['otherCode'] {
  const others = new Set(ended.map((each) => each.functionDigest));
  others.delete(functionDigest);
  return [...others].map((digest) => ({
    functionDigest: digest,
    ordinals: ordinalsOf(ended.filter((each) => each.functionDigest === digest))!,
  }));
}

function ordinalsOf(ended: readonly EndedPartition[]): string | null {
  return ended.length === 0 ? null : encodeOrdinals(ended.map(({ outcome }) => outcome.ordinal));
}

async function inlineOrFile(
  outcomes: PartitionOutcome[],
  recorder: UnitRecorder,
): Promise<PartitionOutcome[] | FileRef> {
  // enforces I7
  if (Buffer.byteLength(JSON.stringify(outcomes)) <= MOST_INLINE_BYTES) return outcomes;
  return recorder.put('outcomes.jsonl', sealLines(outcomes));
}

function firstErrors(outcomes: readonly PartitionOutcome[]): UnitResult['firstErrors'] {
  return outcomes
    .flatMap(({ id, error }) => (error === null ? [] : [{ id, error }]))
    .slice(0, MOST_ERRORS)
    .map(({ id, error: { type, message } }) => ({
      id,
      error: { type, message: message.slice(0, ERROR_LENGTH), stack: null },
    }));
}
