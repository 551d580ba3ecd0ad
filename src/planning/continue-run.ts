/**
 * Outcomes that a continuation takes over from the previous execution (I4: partitions recorded as DONE do not
 * run again): those in its history, and those that its open units had written to the stage when it was
 * terminated. From here on, the continuation's own history names them.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '@temporalio/activity';
import type { PartitionViews } from '../reader/partitions/partition-views';
import type { Reading, RunReader } from '../reader/run-reader';
import { ordinalsInUnit, type RunRecord } from '../history/fold';
import type { Outcomes } from '../history/outcomes';
import { withEarlierErrors, type DoneBlock } from '../core/done-block';
import type { PartitionEnd } from '../history/unit-ends';
import { carriedRecords, type Carried, type CarriedContent, type CarriedRecord } from '../core/carried';
import { errorsField, errorsUpTo, firstErrors, type EarlierError } from '../core/earlier-errors';
import type { StagedFile } from '../core/files';
import type { PartitionOutcome } from '../core/outcome';
import type { Continued, ExecutionEntry } from '../core/opened-run';
import type { RunPlan } from '../core/plan';
import type { RecordedBlock, RecordedOutcome } from '../core/recorded-outcome';
import { runtimeText, type Runtime } from '../core/runtime';
import { Refusal } from '../core/refusal';
import { carriedFile, unitFolder, type ExecutionPlace } from '../stored/layout';
import { noCounts } from '../core/status';
import { isStoredSize, type Stage } from '../stage';
import { readCheckpoints } from '../stored/checkpoints';
import { withoutMissing } from './missing-files';
import { closeLines, readClosedLines } from '../stored/numbered-objects';
import { loadUnitPlan } from '../stored/unit-plan';

/** Maximum number of earlier executions that an execution lists; the newest are kept. */
const MAX_ENTRIES = 100;
/** Time between a runner's SIGTERM and SIGKILL, plus a margin. */
const KILL_GRACE_MS = 3_000;
const MAX_ERRORS = 10;
/** History has this many, for a warning. */
const MAX_RUNTIMES = 5;

/** The executions up to and including the given one. */
export function entriesUpTo({ record, state }: Reading): ExecutionEntry[] {
  const { opened, workflowRunId } = record;
  const { generation, execution } = opened!;
  const { startedAt, endedAt, status } = state;
  const entry = { workflowRunId, generation, execution, startedAt, endedAt, status };
  return [...opened!.earlier, entry].slice(-MAX_ENTRIES);
}

/**
 * After a terminate or a timeout, functions of the earlier execution keep running until their next heartbeat
 * is rejected: waits until none can still be running.
 */
export async function waitUntilStopped(
  { closed, plan, open, units, shards }: RunRecord,
  { info, cancellationSignal }: Pick<Context, 'info' | 'cancellationSignal'>,
): Promise<void> {
  if (closed === null || plan === null) return;
  // A unit that the server ended without a report from its worker may also still be running there.
  const left = open.size > 0 || [...units.values()].some(({ end }) => end?.type === 'lost');
  if (!left && closed.kind !== 'terminated' && closed.kind !== 'timedOut') return;
  // enforces I4: an abandoned attempt never runs at the same time as the continuation's.
  // The server ends shards after their run has ended.
  const ends = [...shards.values()].flatMap(({ closedAt }) =>
    closedAt === null ? [] : [Date.parse(closedAt)],
  );
  const until = Math.max(Date.parse(closed.at), ...ends) + plan.heartbeatTimeoutMs + KILL_GRACE_MS;
  // Both are server times: this machine's clock may be hours off.
  const waitMs = Math.max(0, until - info.currentAttemptScheduledTimestampMs);
  await sleep(waitMs, undefined, { signal: cancellationSignal });
}

/** Throws a `Refusal` before anything is started if files of the snapshot are missing (`partwise clean`). */
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
  /** Whether DONE partitions with missing files are excluded, so that they run again. */
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
    // Outcomes recovered from units without a result are not in any commit.
    committed:
      isCommitted(record) && !records(content).some(({ execution }) => execution === place.execution),
  };
}

function records({ outcomes, blocks }: CarriedContent): { execution: number }[] {
  return [...outcomes, ...blocks];
}

/**
 * An execution commits at its end, so everything that it recorded is in its own commit, or in an earlier one
 * only if it ran nothing.
 */
function isCommitted({ commit, opened, units }: RunRecord): boolean {
  return commit !== null || (units.size === 0 && opened?.continues?.committed === true);
}

/** Writes the outcomes that are taken over to the stage, where history refers to them. */
export async function putCarried(
  stage: Stage,
  place: ExecutionPlace,
  content: CarriedContent,
): Promise<Carried> {
  const counts = noCounts();
  for (const { outcome } of content.outcomes) counts[outcome.status]++;
  for (const { block } of content.blocks) counts.DONE += block.ordinals.length;
  const firstErrors = content.outcomes
    // Skipped partitions are not failures.
    .flatMap(({ outcome: { id, status, error } }) =>
      error === null || status === 'SKIPPED' ? [] : [{ id, error }],
    )
    .slice(0, MAX_ERRORS)
    .map(({ id, error }) => ({ id, error: { ...error, message: error.message.slice(0, 300), stack: null } }));
  const reused = content.outcomes.filter(({ outcome }) => outcome.reused).length;
  // A repeated call must not collide with the object of an earlier one: objects are written once.
  const path = carriedFile(place, randomUUID().slice(0, 8));
  const file = await stage.put(path, closeLines(carriedRecords(content)));
  const runtimes = new Map<string, Runtime>(
    content.outcomes.flatMap(({ runtime }) =>
      runtime === undefined ? [] : [[runtimeText(runtime), runtime]],
    ),
  );
  const others = runtimes.size === 0 ? {} : { runtimes: [...runtimes.values()].slice(0, MAX_RUNTIMES) };
  return { file, counts, reused, firstErrors, ...others };
}

/** Reads the records of a file of outcomes taken over. */
export async function readCarried(stage: Stage, { file }: Carried): Promise<CarriedRecord[]> {
  return readClosedLines(await stage.read(file)) as CarriedRecord[];
}

/**
 * Errors of earlier calls are taken over for this many partitions: they are one line of a file, of up to 1 KB
 * for each.
 */
const MAX_WITH_ERRORS = 20_000;

/** Without `selected`, only what is DONE. */
export async function carriedOver(
  stage: Stage,
  reader: RunReader,
  reading: Reading,
  selected: ReadonlySet<number> | null,
  { execution }: Pick<ExecutionPlace, 'execution'>,
): Promise<CarriedContent> {
  const views = (await reader.views(reading))!;
  const outcomes = await reader.outcomes(reading.record);
  const { single, blocks } = outcomes;
  const calls = new Map(outcomes.calls);
  const cutOff = await reader.cutOffCalls(reading.record, outcomes.calls);
  for (const [ordinal, n] of cutOff.calls) calls.set(ordinal, Math.max(n, calls.get(ordinal) ?? 0));
  const errorsOf = (ordinal: number): EarlierError[] =>
    firstErrors(outcomes.errorsOf(ordinal), cutOff.errors.get(ordinal) ?? []);
  const rows = outcomes.rowsFiles(reading.record);
  const found: CarriedContent = { outcomes: [], blocks: [], rows, calls: {}, earlierErrors: {} };
  const latest = new Map<number, RecordedOutcome>();
  const done = new Set<number>();
  let withErrors = 0;
  const keepErrors = (ordinal: number, errors: EarlierError[]): void => {
    if (errors.length === 0 || withErrors === MAX_WITH_ERRORS) return;
    found.earlierErrors[ordinal] = errors;
    withErrors++;
  };
  const addBlock = ({ block, execution, functionDigest }: RecordedBlock): void => {
    found.blocks.push({ block, execution, functionDigest });
    for (const ordinal of block.ordinals) {
      done.add(ordinal);
      latest.delete(ordinal);
    }
  };
  for (const ordinal of single.keys()) latest.set(ordinal, await complete(outcomes.get(ordinal)!, views));
  for (const block of blocks) addBlock(block);
  for (const unit of reading.record.units.values()) {
    if (unit.end?.type === 'result') continue;
    const objects = await stage.list(unitFolder(unit.task, unit.activityId));
    const own = new Set(ordinalsInUnit(unit.task));
    // Also in the result of another activity of this unit: all of them have one folder.
    const isTaken = (ordinal: number): boolean =>
      done.has(ordinal) || latest.get(ordinal)?.outcome.status === 'DONE';
    const salvaged = await readCheckpoints(
      stage,
      objects,
      (ordinal) => own.has(ordinal) && !isTaken(ordinal),
    );
    // enforces I10: this execution is the first to record them, so no earlier commit contains their rows.
    for (const { outcome, functionDigest } of salvaged.outcomes)
      latest.set(outcome.ordinal, { outcome: outcomes.withErrors(outcome), execution, functionDigest });
    for (const { block, functionDigest } of salvaged.blocks)
      addBlock({ block: withErrorsOf(block, outcomes), execution, functionDigest });
    found.rows.push(...salvaged.output);
  }
  if (selected !== null) {
    for (let ordinal = 0; ordinal < views.total; ordinal++) {
      if (!latest.has(ordinal) && !done.has(ordinal) && !selected.has(ordinal))
        latest.set(
          ordinal,
          await notStarted(ordinal, views, reading, {
            n: calls.get(ordinal) ?? 0,
            errors: errorsOf(ordinal),
          }),
        );
    }
  }
  for (const [ordinal, carried] of latest) {
    // enforces I4
    const keep = carried.outcome.status === 'DONE' || (selected !== null && !selected.has(ordinal));
    if (keep) {
      found.outcomes.push(carried);
      continue;
    }
    if (carried.outcome.attempts > 0) found.calls[ordinal] = carried.outcome.attempts;
    keepErrors(ordinal, errorsUpTo(carried.outcome));
  }
  const kept = new Set(found.outcomes.map(({ outcome }) => outcome.ordinal));
  for (const [ordinal, n] of calls) {
    if (kept.has(ordinal) || done.has(ordinal)) continue;
    found.calls[ordinal] = Math.max(n, found.calls[ordinal] ?? 0);
    if (found.earlierErrors[ordinal] === undefined) keepErrors(ordinal, errorsOf(ordinal));
  }
  return found;
}

/**
 * The outcome of a partition that never started and that the continuation does not select. Unless it was
 * skipped by hand, it counts as cut off, so that a run with partitions that never ran is not a success.
 */
async function notStarted(
  ordinal: number,
  views: PartitionViews,
  { record, state }: Reading,
  calls: { n: number; errors: readonly EarlierError[] },
): Promise<RecordedOutcome> {
  const { id, rows, attempts } = await views.view(ordinal);
  const outcome: PartitionOutcome = {
    ordinal,
    id,
    status: record.skipped.has(ordinal) ? 'SKIPPED' : 'CANCELLED',
    attempts: Math.max(attempts, calls.n),
    rows,
    startedAt: state.endedAt ?? state.asOf,
    durationMs: 0,
    preview: null,
    outputRows: 0,
    artifacts: [],
    error: null,
    ...errorsField(calls.errors),
    reused: false,
  };
  return { outcome, execution: record.plan!.execution, functionDigest: null };
}

/** The errors of earlier calls that history has of the partitions of a salvaged block. */
function withErrorsOf(block: DoneBlock, outcomes: Outcomes): DoneBlock {
  return withEarlierErrors(block, (ordinal) =>
    firstErrors(outcomes.errorsOf(ordinal), block.earlierErrors?.get(ordinal) ?? []),
  );
}

/** If a partition was lost with its unit, only the partition index has its id and rows. */
async function complete(end: PartitionEnd, views: PartitionViews): Promise<RecordedOutcome> {
  const { outcome, execution, functionDigest, runtime } = end;
  const { id, rows } =
    outcome.id !== null && outcome.rows !== null ? outcome : await views.view(outcome.ordinal);
  return {
    outcome: { ...outcome, id: id!, rows: rows! },
    execution,
    functionDigest,
    ...(runtime !== undefined && { runtime }),
  };
}
