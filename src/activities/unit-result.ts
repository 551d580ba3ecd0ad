import { alikeFailures } from '../run/alike';
import type { FileRef } from '../run/files';
import type { PartitionOutcome, UnitResult } from '../run/outcome';
import { encodeOrdinals } from '../run/ordinals';
import type { UnitTask } from '../run/plan';
import { noCounts } from '../run/status';
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
  const later = new Set(again);
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
    retry: again.length === 0 ? null : encodeOrdinals(again.map(({ outcome }) => outcome.ordinal)),
    alike: alikeFailures(outcomes),
    firstErrors: firstErrors(ended),
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

function firstErrors(outcomes: readonly PartitionOutcome[]): UnitResult['firstErrors'] {
  return outcomes
    .flatMap(({ id, error }) => (error === null ? [] : [{ id, error }]))
    .slice(0, MOST_ERRORS)
    .map(({ id, error: { type, message } }) => ({
      id,
      error: { type, message: message.slice(0, ERROR_LENGTH), stack: null },
    }));
}
