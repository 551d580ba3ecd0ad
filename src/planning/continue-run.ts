/**
 * What a continuation takes over from the execution before it (I4: what is recorded as DONE does not run
 * again): the outcomes that its history records, and those that its open units had put on the stage when it
 * was terminated. From here on the continuation's own history names them.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '@temporalio/activity';
import type { PartitionViews } from '../reader/partitions/partition-views';
import type { Reading, RunReader } from '../reader/run-reader';
import { ordinalsInUnit, type RunRecord } from '../history/fold';
import type { PartitionEnd } from '../history/unit-ends';
import {
  carriedRecords,
  type Carried,
  type CarriedBlock,
  type CarriedContent,
  type CarriedOutcome,
  type CarriedRecord,
} from '../core/carried';
import type { StagedFile } from '../core/files';
import type { PartitionOutcome } from '../core/outcome';
import type { Continued, ExecutionEntry } from '../core/opened-run';
import type { RunPlan } from '../core/plan';
import { Refusal } from '../core/refusal';
import { carriedFile, unitFolder, type ExecutionPlace } from '../stored/layout';
import { noCounts } from '../core/status';
import { isStoredSize, type Stage } from '../stage';
import { ordinalsById } from './known-partitions';
import { readCheckpoints } from '../stored/checkpoints';
import { withoutMissing } from './missing-files';
import { sealLines, unsealLines } from '../stored/numbered-objects';
import { loadUnitPlan } from '../stored/unit-plan';

/** Earlier executions that an execution lists: the newest. */
const MAX_ENTRIES = 100;
/** Between the SIGTERM and the SIGKILL of a runner, and a little more. */
const KILL_GRACE_MS = 3_000;
const MAX_ERRORS = 10;

/** The executions up to and including the one that was read. */
export function entriesUpTo({ record, state }: Reading): ExecutionEntry[] {
  const { opened, workflowRunId } = record;
  const { generation, execution } = opened!;
  const { startedAt, endedAt, status } = state;
  const entry = { workflowRunId, generation, execution, startedAt, endedAt, status };
  return [...opened!.earlier, entry].slice(-MAX_ENTRIES);
}

/**
 * After a terminate or a time-out, functions of the earlier execution run on until their next heartbeat is
 * refused: waits until none can be running any more.
 */
export async function waitOut(
  { closed, plan, open, units, shards }: RunRecord,
  { info, cancellationSignal }: Pick<Context, 'info' | 'cancellationSignal'>,
): Promise<void> {
  if (closed === null || plan === null) return;
  // A unit that the server ended without its worker's word may still be running there, too.
  const left = open.size > 0 || [...units.values()].some(({ end }) => end?.type === 'lost');
  if (!left && closed.kind !== 'terminated' && closed.kind !== 'timedOut') return;
  // enforces I4: an attempt that nobody waits for any more never runs beside the continuation's.
  // The server ends shards after their run.
  const ends = [...shards.values()].flatMap(({ closedAt }) =>
    closedAt === null ? [] : [Date.parse(closedAt)],
  );
  const until = Math.max(Date.parse(closed.at), ...ends) + plan.heartbeatTimeoutMs + KILL_GRACE_MS;
  // Both are times of the server: this machine's clock may be hours away from it.
  const waitMs = Math.max(0, until - info.currentAttemptScheduledTimestampMs);
  await sleep(waitMs, undefined, { signal: cancellationSignal });
}

/**
 * The partitions that the continuation may run, by ordinal; null: all that are not DONE. Throws for ids that
 * are none.
 */
export async function narrowTo(
  stage: Stage,
  { index }: RunPlan,
  only: readonly string[] | null,
): Promise<Set<number> | null> {
  if (only === null) return null;
  return new Set((await ordinalsById(await stage.localFile(index), only)).values());
}

/** Refuses when files of the snapshot are gone (`partwise clean`), before anything is started. */
export async function assertSnapshotThere(stage: Stage, { unitPlan, index }: RunPlan): Promise<void> {
  const folder = index.path.slice(0, index.path.lastIndexOf('/') + 1);
  const there = new Map((await stage.list(folder)).map(({ path, bytes }) => [path, bytes]));
  const isGone = ({ path, bytes }: StagedFile): boolean =>
    path.startsWith(folder) && !isStoredSize(there.get(path) ?? -1, bytes);
  const missing =
    [unitPlan, index].find(isGone) ?? (await loadUnitPlan(stage, unitPlan)).snapshot.find(isGone);
  if (missing === undefined) return;
  throw new Refusal('StageDamaged', [
    `The run's snapshot is no longer complete on the stage ${stage.uri} (${missing.path}), so it cannot be continued: ` +
      'take a new snapshot with onExisting "overwrite" (--on-existing overwrite).',
  ]);
}

export async function takeOver(parts: {
  stage: Stage;
  reader: RunReader;
  reading: Reading;
  selected: ReadonlySet<number> | null;
  /** Whether DONE partitions whose files are gone are not taken over. */
  rerunMissing: boolean;
  /** The continuation's own place. */
  place: ExecutionPlace;
}): Promise<Continued> {
  const { stage, reader, reading, selected, place, rerunMissing } = parts;
  const { record } = reading;
  const { units: _, sharding: __, carried: ___, ...plan } = record.plan!;
  const recorded = await carriedOver(stage, reader, reading, selected, place);
  const content = rerunMissing ? await withoutMissing(stage, recorded) : recorded;
  return {
    plan,
    carried: await putCarried(stage, place, content),
    commit: reading.state.commit,
    // What was salvaged of units without a result is in nobody's commit.
    committed:
      isCommitted(record) && !records(content).some(({ execution }) => execution === place.execution),
  };
}

function records({ outcomes, blocks }: CarriedContent): { execution: number }[] {
  return [...outcomes, ...blocks];
}

/**
 * An execution commits last, so what it has recorded before is in its own commit, and in that of an earlier
 * one only when it ran nothing.
 */
function isCommitted({ commit, opened, units }: RunRecord): boolean {
  return commit !== null || (units.size === 0 && opened?.continues?.committed === true);
}

/** Puts outcomes that are taken over on the stage, for history to name. */
export async function putCarried(
  stage: Stage,
  place: ExecutionPlace,
  content: CarriedContent,
): Promise<Carried> {
  const counts = noCounts();
  for (const { outcome } of content.outcomes) counts[outcome.status]++;
  for (const { block } of content.blocks) counts.DONE += block.ordinals.length;
  const firstErrors = content.outcomes
    // What is skipped is no failure.
    .flatMap(({ outcome: { id, status, error } }) =>
      error === null || status === 'SKIPPED' ? [] : [{ id, error }],
    )
    .slice(0, MAX_ERRORS)
    .map(({ id, error }) => ({ id, error: { ...error, message: error.message.slice(0, 300), stack: null } }));
  const reused = content.outcomes.filter(({ outcome }) => outcome.reused).length;
  // A repeated call must not meet what an earlier one put: objects are written once.
  const path = carriedFile(place, randomUUID().slice(0, 8));
  const file = await stage.put(path, sealLines(carriedRecords(content)));
  return { file, counts, reused, firstErrors };
}

/** The records of a file of outcomes taken over. */
export async function readCarried(stage: Stage, { file }: Carried): Promise<CarriedRecord[]> {
  return unsealLines(await stage.read(file)) as CarriedRecord[];
}

async function carriedOver(
  stage: Stage,
  reader: RunReader,
  reading: Reading,
  selected: ReadonlySet<number> | null,
  place: ExecutionPlace,
): Promise<CarriedContent> {
  const views = (await reader.views(reading))!;
  const outcomes = await reader.outcomes(reading.record);
  const { single, blocks } = outcomes;
  const calls = new Map(outcomes.calls);
  for (const [ordinal, n] of await reader.cutOffCalls(reading.record, outcomes.calls))
    calls.set(ordinal, Math.max(n, calls.get(ordinal) ?? 0));
  const rows = outcomes.rowsFiles(reading.record);
  const found: CarriedContent = { outcomes: [], blocks: [], rows, calls: {} };
  const latest = new Map<number, CarriedOutcome>();
  const done = new Set<number>();
  const addBlock = ({ block, execution, functionDigest }: CarriedBlock): void => {
    found.blocks.push({ block, execution, functionDigest });
    for (const ordinal of block.ordinals) {
      done.add(ordinal);
      latest.delete(ordinal);
    }
  };
  for (const end of single.values()) latest.set(end.ordinal, await complete(end, views));
  for (const block of blocks) addBlock(block);
  for (const unit of reading.record.units.values()) {
    if (unit.end?.type === 'result') continue;
    const objects = await stage.list(unitFolder(unit.task, unit.activityId));
    const own = new Set(ordinalsInUnit(unit.task));
    const salvaged = await readCheckpoints(stage, objects, (ordinal) => own.has(ordinal));
    // enforces I10: this execution is the first to record them, so an earlier one's commit does not have
    // their rows.
    const { execution } = place;
    for (const { outcome, functionDigest } of salvaged.outcomes)
      latest.set(outcome.ordinal, { outcome, execution, functionDigest });
    for (const { block, functionDigest } of salvaged.blocks) addBlock({ block, execution, functionDigest });
    found.rows.push(...salvaged.output);
  }
  if (selected !== null) {
    for (let ordinal = 0; ordinal < views.total; ordinal++) {
      if (!latest.has(ordinal) && !done.has(ordinal) && !selected.has(ordinal))
        latest.set(ordinal, await notStarted(ordinal, views, reading, calls.get(ordinal) ?? 0));
    }
  }
  for (const [ordinal, carried] of latest) {
    // enforces I4
    const keep = carried.outcome.status === 'DONE' || (selected !== null && !selected.has(ordinal));
    if (keep) found.outcomes.push(carried);
    else if (carried.outcome.attempts > 0) found.calls[ordinal] = carried.outcome.attempts;
  }
  const kept = new Set(found.outcomes.map(({ outcome }) => outcome.ordinal));
  for (const [ordinal, n] of calls) {
    if (!kept.has(ordinal) && !done.has(ordinal))
      found.calls[ordinal] = Math.max(n, found.calls[ordinal] ?? 0);
  }
  return found;
}

/**
 * A partition that never began, and that the continuation's list leaves out: it counts as cut off, so that a
 * run is no success with partitions that nobody ran, unless it was skipped by hand.
 */
async function notStarted(
  ordinal: number,
  views: PartitionViews,
  { record, state }: Reading,
  calls: number,
): Promise<CarriedOutcome> {
  const { id, rows, attempts } = await views.view(ordinal);
  const outcome: PartitionOutcome = {
    ordinal,
    id,
    status: record.skipped.has(ordinal) ? 'SKIPPED' : 'CANCELLED',
    attempts: Math.max(attempts, calls),
    rows,
    startedAt: state.endedAt ?? state.asOf,
    durationMs: 0,
    preview: null,
    outputRows: 0,
    artifacts: [],
    error: null,
    reused: false,
  };
  return { outcome, execution: record.plan!.execution, functionDigest: null };
}

/** Of a partition that was lost with its unit only the partition index knows id and rows. */
async function complete(partition: PartitionEnd, views: PartitionViews): Promise<CarriedOutcome> {
  const { output: _, functionDigest, execution, ...end } = partition;
  const { id, rows } = end.id !== null && end.rows !== null ? end : await views.view(end.ordinal);
  return { outcome: { ...end, id: id!, rows: rows! }, execution, functionDigest };
}
