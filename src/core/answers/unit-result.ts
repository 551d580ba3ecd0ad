/**
 * What counts as the result of `processUnit`. Workflows and readers of history call the same function (I8).
 */
import { earlierErrors } from '../earlier-errors';
import type { ArtifactRef } from '../files';
import type { DoneRecord, PartitionOutcome, UnitResult } from '../outcome';
import type { UnitTask } from '../tasks';
import {
  count,
  either,
  flag,
  isObject,
  listOf,
  mapOf,
  number,
  oneOf,
  optional,
  orNull,
  shapeOf,
  text,
} from '../shape';
import { ordinalsWithin, type OrdinalRange } from '../units/ordinals';
import { alike, counts, error, everyCount, failure, fileRef, version } from './shared-shapes';

const artifact = shapeOf<ArtifactRef>({
  path: text,
  bytes: count,
  sha256: text,
  name: text,
  offset: count,
  codec: text,
});
const outcome = shapeOf<PartitionOutcome>({
  ordinal: count,
  id: text,
  status: oneOf('DONE', 'FAILED', 'CANCELLED', 'INTERNAL_ERROR', 'SKIPPED'),
  attempts: count,
  rows: count,
  startedAt: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  durationMs: number,
  preview: orNull(text),
  outputRows: count,
  artifacts: listOf(artifact),
  error: orNull(error),
  earlierErrors: optional(earlierErrors),
  reused: flag,
});
const done = shapeOf<DoneRecord>({
  ordinals: text,
  attempts: either(count, listOf(count)),
  startedAt: listOf(number),
  durationMs: either(number, listOf(number)),
  outputRows: either(count, listOf(count)),
  artifacts: optional(
    listOf(
      either(
        oneOf(0),
        listOf((packed) => Array.isArray(packed) && packed.length >= 5 && packed.slice(0, 2).every(text)),
      ),
    ),
  ),
  pack: optional(text),
  earlierErrors: optional(mapOf(earlierErrors)),
});
const unitResult = shapeOf<UnitResult>({
  version,
  unit: count,
  round: count,
  counts,
  outcomes: either(fileRef, Array.isArray),
  output: listOf(fileRef),
  retry: orNull(text),
  big: orNull(text),
  names: optional(mapOf(text)),
  retryAfterMs: orNull(number),
  alike: orNull(alike),
  // The first histories lack it.
  doneMs: optional(number),
  firstErrors: listOf(failure),
  logs: text,
  functionDigest: text,
  otherCode: listOf(shapeOf<UnitResult['otherCode'][number]>({ functionDigest: text, ordinals: text })),
  worker: text,
});

/** What a result is compared with. */
export type TaskOfResult = Pick<UnitTask, 'unit' | 'from' | 'to' | 'partitions'>;

/** The result of this unit, about each of its partitions once; null if it is anything else. */
export function asUnitResult(value: unknown, task: TaskOfResult): UnitResult | null {
  // enforces I8: what is not a result counts nothing, in the workflow and for readers.
  if (!unitResult(value)) return null;
  const sent = value as UnitResult;
  const result = { ...sent, counts: everyCount(sent.counts) };
  const { PENDING, RUNNING, ...ended } = result.counts;
  const named = [result.retry, result.big, ...result.otherCode.map(({ ordinals }) => ordinals)];
  const [again, big, ...others] = named.map((ordinals) => ordinalsWithin(ordinals ?? '', task));
  if (again === null || big === null || others.includes(null)) return null;
  const sum = Object.values(ended).reduce((all, each) => all + each, again! + big!);
  const isOfUnit =
    result.unit === task.unit &&
    PENDING === 0 &&
    RUNNING === 0 &&
    sum === task.partitions &&
    (!Array.isArray(result.outcomes) || result.outcomes.every((each) => isOutcome(each, task)));
  return isOfUnit ? result : null;
}

function isOutcome(value: unknown, range: OrdinalRange): boolean {
  if (!isObject(value)) return false;
  if (!('done' in value))
    return outcome(value) && ordinalsWithin(`${(value as unknown as PartitionOutcome).ordinal}`, range) === 1;
  if (!done(value.done)) return false;
  const { ordinals, ...columns } = value.done as DoneRecord;
  const length = ordinalsWithin(ordinals, range);
  return (
    length !== null &&
    length > 0 &&
    Object.values(columns).every((each) => !Array.isArray(each) || each.length === length)
  );
}
