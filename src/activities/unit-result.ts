import type { FileRef } from '../run/files';
import type { PartitionOutcome, UnitResult } from '../run/outcome';
import { encodeOrdinals } from '../run/ordinals';
import type { UnitTask } from '../run/plan';
import { noCounts } from '../run/status';
import { sealLines } from './numbered-objects';
import type { UnitRecorder } from './unit-recorder';

/** Larger outcomes are a file (I7). */
const MOST_INLINE_BYTES = 8 * 1024;
const MOST_ERRORS = 5;

/** Puts together what history will hold of the unit. */
export async function unitResult(parts: {
  task: UnitTask;
  recorder: UnitRecorder;
  /** Whether partitions that threw have calls left. */
  mayRetry: boolean;
  functionDigest: string;
  logs: string;
  worker: string;
}): Promise<UnitResult> {
  const { task, recorder, mayRetry, functionDigest, logs, worker } = parts;
  const byOrdinal = [...recorder.recorded.outcomes].sort((a, b) => a.outcome.ordinal - b.outcome.ordinal);
  const again = byOrdinal.filter(
    ({ outcome, retryable }) => mayRetry && retryable && outcome.status === 'FAILED',
  );
  const outcomes = byOrdinal.filter((recorded) => !again.includes(recorded)).map(({ outcome }) => outcome);
  const counts = noCounts();
  for (const { status } of outcomes) counts[status]++;
  const bad = outcomes.filter(({ status }) => status !== 'DONE');
  return {
    version: 1,
    unit: task.unit,
    round: task.round,
    counts,
    outcomes: await inlineOrFile(outcomes, recorder),
    output: await recorder.mergedOutput(),
    retry: again.length === 0 ? null : encodeOrdinals(again.map(({ outcome }) => outcome.ordinal)),
    notDone: bad.length === 0 ? null : encodeOrdinals(bad.map(({ ordinal }) => ordinal)),
    firstErrors: bad
      .flatMap(({ id, error }) => (error === null ? [] : [{ id, error: { ...error, stack: null } }]))
      .slice(0, MOST_ERRORS),
    logs: `${logs}logs/`,
    functionDigest,
    worker,
  };
}

async function inlineOrFile(
  outcomes: PartitionOutcome[],
  recorder: UnitRecorder,
): Promise<PartitionOutcome[] | FileRef> {
  // enforces I7
  if (Buffer.byteLength(JSON.stringify(outcomes)) <= MOST_INLINE_BYTES) return outcomes;
  return recorder.put('outcomes.jsonl', sealLines(outcomes));
}
