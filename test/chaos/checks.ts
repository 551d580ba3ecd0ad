/**
 * What must hold for a run after everything that was done to it. Each check throws with what it found.
 * `outside` is the file to which the function wrote its calls, the only record that Partwise did not make.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { PartitionView, Row } from '../../src/index';
import { readLocators } from '../../src/stored/locators';
import { RunReader, type Reading } from '../../src/reader/run-reader';
import { ServerRun } from '../../src/reader/run-source';
import type { PartitionEnd } from '../../src/history/unit-ends';
import { decodeOrdinals } from '../../src/core/units/ordinals';
import { encodePartitionId } from '../../src/core/partition-id';
import { givenBack } from '../../src/core/units/retry-units';
import { openStage } from '../../src/stage';
import { openWarehouse } from '../../src/warehouse';
import { queryRows, withDatabase } from '../../src/duckdb/database-file';
import type { CallEvent } from './calls';
import type { Driven } from './drive';
import { assertNoSecrets } from './secrets';
import { assertStageWhole, segmentTimes, stageFiles } from './stage-files';
import { patiently, type World } from './world';

/** Objects that a worker may be putting at the same time. */
const MAX_PUTS = 8;

/** Everything that the checks use, read once. */
interface Evidence {
  world: World;
  driven: Driven;
  /** One per execution, oldest first. */
  readings: Reading[];
  /** Ends in the last execution, by partition id. */
  ends: Map<string, PartitionEnd>;
  partitions: Map<string, PartitionView>;
  calls: CallEvent[];
}

export const CHECKS: Record<string, (evidence: Evidence) => Promise<void> | void> = {
  'no partition is lost': allThere,
  'no partition is called again after it was recorded DONE': doneIsDone,
  'attempts and artifacts match the call log': attemptsAgree,
  'the call log and attempts in the state add up': callsAddUp,
  'no function is called more often than its budget allows': budgetsKept,
  'no partition fails because of the machine': machineCostsNothing,
  'no row is duplicated or missing': rowsOnce,
  'every artifact is whole': artifactsWhole,
  'no file on the stage is incomplete': ({ world }) => assertStageWhole(world.stage),
  'nothing unfinished is left on the stage': nothingUnfinished,
  'exit codes, statuses and close statuses agree': statusesAgree,
  'a closed run had no function running': closedMeansStopped,
  'skipped partitions were not called': skippedMeansNotCalled,
  'a late commit is refused': lateCommitRefused,
  'no secret leaked': ({ world, driven }) => assertNoSecrets(world, driven),
};

/** Resolves with the names of the failed checks, and why they failed. */
export async function check(world: World, driven: Driven): Promise<{ name: string; problem: string }[]> {
  const evidence = await gather(world, driven);
  const failed: { name: string; problem: string }[] = [];
  for (const [name, holds] of Object.entries(CHECKS)) {
    try {
      await holds(evidence);
    } catch (error) {
      failed.push({ name, problem: error instanceof Error ? error.message : String(error) });
    }
  }
  return failed;
}

async function gather(world: World, driven: Driven): Promise<Evidence> {
  const readings: Reading[] = [];
  let ends = new Map<string, PartitionEnd>();
  for (const { workflowRunId } of driven.executions) {
    const reader = new RunReader(new ServerRun(world.client, world.runId, workflowRunId));
    const reading = await reader.read();
    readings.push(reading);
    if (workflowRunId !== driven.executions.at(-1)!.workflowRunId) continue;
    const outcomes = await reader.outcomes(reading.record);
    const views = (await reader.views(reading))!;
    ends = new Map();
    for (const end of outcomes.all()) ends.set(await views.id(end.outcome.ordinal), end);
  }
  const partitions = new Map<string, PartitionView>();
  for (let after: string | null = null, first = true; first || after !== null; first = false) {
    const page = await world.partwise
      .getRun(world.runId)
      .partitions({ limit: 1000, ...(after !== null && { after }) });
    for (const partition of page.partitions) partitions.set(partition.id, partition);
    after = page.next;
  }
  return { world, driven, readings, ends, partitions, calls: world.calls.read() };
}

function allThere({ world, driven, partitions }: Evidence): void {
  const { counts, rows } = driven.state;
  const expected = world.scenario.partitions;
  const total = expected.length;
  equal('partitions that the state counts', counts, { ...zeroCounts(counts), total, DONE: total });
  equal('partitions that are listed', partitions.size, total);
  equal('rows of the snapshot', rows, sum(expected.map((each) => each.rows)));
  for (const { key, rows: rowsOfKey } of expected) {
    const [k, g] = key;
    const partition = partitions.get(encodePartitionId([k, String(g)]));
    if (partition === undefined)
      throw new Error(`The partition with the key ${JSON.stringify(key)} is lost.`);
    equal(`the key of ${partition.id}`, partition.key, { k, g });
    equal(`the rows of ${partition.id}`, partition.rows, rowsOfKey);
    equal(`the status of ${partition.id}`, partition.status, 'DONE');
  }
}

/**
 * "Recorded" means that the unit's activity has completed in history (at the server's time of that event), or
 * that a checkpoint with the outcome is on the stage. All clocks are those of one machine. A call may start
 * between the end of another and its record: the earlier one was not yet recorded when its worker or server
 * was killed.
 */
async function doneIsDone({ world, readings, calls }: Evidence): Promise<void> {
  const recordedAt = new Map<number, { at: number; where: string }>();
  const record = (ordinal: number, at: number, where: string): void => {
    if (at < (recordedAt.get(ordinal)?.at ?? Infinity)) recordedAt.set(ordinal, { at, where });
  };
  for (const { ordinal, at, segment } of await segmentTimes(world.stage)) record(ordinal, at, segment);
  const ordinals = new Map<string, number>();
  for (const [n, { record: run }] of readings.entries()) {
    const one = new RunReader(new ServerRun(world.client, world.runId, run.workflowRunId));
    const reading = await one.read();
    const outcomes = await one.outcomes(reading.record);
    const views = await one.views(reading);
    for (const [ordinal, id] of ((await views?.ids()) ?? []).entries()) ordinals.set(id, ordinal);
    const units = [...reading.record.units.values()];
    for (const { outcome, execution } of outcomes.all()) {
      const { status, ordinal } = outcome;
      if (status !== 'DONE' || execution !== run.plan?.execution) continue;
      const unit = units.find(
        ({ end, task }) =>
          end?.type === 'result' &&
          ordinal >= task.from &&
          ordinal <= task.to &&
          (task.only === null || decodeOrdinals(task.only).includes(ordinal)) &&
          // It threw there, and was returned for another round.
          !givenBack(end.result).includes(ordinal),
      );
      if (unit?.endedAt != null)
        record(ordinal, Date.parse(unit.endedAt), `unit ${unit.activityId} of execution ${n + 1}`);
      // A checkpoint of the previous, terminated execution is first recorded in the one that takes it over.
      else if (!recordedAt.has(ordinal))
        throw new Error(`No unit of execution ${n + 1} names the DONE partition number ${ordinal}.`);
    }
  }
  for (const { what, id, at, attempt, pid } of calls) {
    const recorded = recordedAt.get(ordinals.get(id)!);
    if (what !== 'begin' || recorded === undefined || at <= recorded.at) continue;
    throw new Error(
      `Partition ${id} was called again (attempt ${attempt}, process ${pid}) ${at - recorded.at} ms after ${recorded.where} had recorded it as DONE.`,
    );
  }
}

/**
 * The call that a DONE partition names in its artifact started and ended in the external file, with the same
 * attempt number.
 */
async function attemptsAgree({ world, ends, partitions, calls }: Evidence): Promise<void> {
  const byToken = new Map<string, CallEvent[]>();
  for (const call of calls) byToken.set(call.token, [...(byToken.get(call.token) ?? []), call]);
  const stage = openStage(`file://${world.stage}`);
  for (const [id, { outcome }] of ends) {
    const ref = outcome.artifacts.find(({ name }) => name === 'call.json');
    if (ref === undefined) throw new Error(`The DONE partition ${id} has no artifact call.json.`);
    const made = JSON.parse(Buffer.from(await stage.get(ref.path, ref)).toString('utf8')) as {
      token: string;
      attempt: number;
    };
    const events = byToken.get(made.token) ?? [];
    equal(
      `the events outside of the call that made ${id}`,
      events.map(({ what }) => what),
      ['begin', 'end'],
    );
    equal(`the partition of the call that made ${id}`, events[0]!.id, id);
    equal(`the attempt of the call that made ${id}`, made.attempt, partitions.get(id)!.attempts);
    equal(`the attempt outside of the call that made ${id}`, events[1]!.attempt, made.attempt);
  }
}

/**
 * The attempts of a partition equal its calls, except for calls that cannot be counted:
 * - a call interrupted by a terminate, a cancel or a graceful shutdown costs no attempt;
 * - a call that ended while the stage refused its files is handed over, and costs no attempt;
 * - losing a worker or a server costs every partition of its open units an attempt, called or not.
 */
function callsAddUp({ world, driven, partitions, calls }: Evidence): void {
  const { terminate = 0, cancel = 0, commit = 0, deploy = 0, server = 0 } = driven.inflicted;
  const worker = lostWorkers(driven);
  const begins = new Map<string, number>();
  for (const { what, id } of calls) if (what === 'begin') begins.set(id, (begins.get(id) ?? 0) + 1);
  equal('partitions outside', begins.size, partitions.size);
  const { full = 0, readOnly = 0, away = 0, flip = 0 } = driven.inflicted;
  const uncounted = terminate + cancel + commit + deploy + worker + server + full + readOnly + away;
  const inBatch = world.scenario.shape === 'batch';
  for (const { id, attempts } of partitions.values()) {
    const called = begins.get(id) ?? 0;
    if (called > attempts + uncounted)
      throw new Error(`Partition ${id} was called ${called} times outside, and has ${attempts} attempts.`);
    // In a batch, a dead runner does not affect the other partitions of the unit. A terminate may come
    // between the start of an attempt and its call. An attempt whose rows were damaged by a flipped bit ends
    // before its call.
    const damaged = flip > 0 ? world.scenario.options.retry.maximumAttempts : 0;
    const lost = worker + server + deploy + terminate + commit + damaged + (inBatch ? worker + server : 0);
    if (attempts > called + lost)
      throw new Error(`Partition ${id} has ${attempts} attempts, and was called ${called} times outside.`);
  }
}

/** How often all workers, or one of them, were lost. */
function lostWorkers({ inflicted: { worker = 0, power = 0, flip = 0, stop = 0 } }: Driven): number {
  return worker + power + flip + stop;
}

/**
 * A full, read-only or absent stage costs no call; a fault that ends a worker or the execution interrupts at
 * most one call per partition. A worker lost while the stage accepts no writes loses the results that wait
 * for it, so the count of those calls starts again.
 */
function budgetsKept({ world, driven, calls }: Evidence): void {
  const { terminate = 0, cancel = 0, commit = 0, deploy = 0, server = 0, runner = 0 } = driven.inflicted;
  const { full = 0, readOnly = 0, away = 0 } = driven.inflicted;
  const cutOff = terminate + cancel + commit + deploy + server + runner + lostWorkers(driven);
  const { maximumAttempts } = world.scenario.options.retry;
  const lostWaiting = full + readOnly + away > 0 ? lostWorkers(driven) * maximumAttempts : 0;
  const most = maximumAttempts * driven.executions.length + cutOff + lostWaiting;
  const begins = new Map<string, number>();
  for (const { what, id } of calls) if (what === 'begin') begins.set(id, (begins.get(id) ?? 0) + 1);
  for (const [id, called] of begins)
    if (called > most) throw new Error(`Partition ${id} was called ${called} times; its budget is ${most}.`);
}

/**
 * The machine's faults are too few to lose a worker three times, so partitions fail only through their own
 * behaviour.
 */
async function machineCostsNothing({ world, driven, readings }: Evidence): Promise<void> {
  const { family, partitions } = world.scenario;
  // A damaged file is refused for everyone who needs it.
  if (family !== 'machine' || (driven.inflicted.flip ?? 0) > 0) return;
  const innocent = new Set(
    partitions.flatMap(({ key: [k, g], behaviour: { kind } }) =>
      kind === 'good' || kind === 'throwsOnce' ? [encodePartitionId([k, String(g)])] : [],
    ),
  );
  for (const [n, { record }] of readings.entries()) {
    const reader = new RunReader(new ServerRun(world.client, world.runId, record.workflowRunId));
    const reading = await reader.read();
    const views = await reader.views(reading);
    for (const { outcome } of (await reader.outcomes(reading.record)).all()) {
      const { status, error, ordinal } = outcome;
      if (status !== 'FAILED' && status !== 'INTERNAL_ERROR') continue;
      const id = await views!.id(ordinal);
      if (innocent.has(id))
        throw new Error(
          `Execution ${n + 1} has ${id} as ${status}, which is not its doing: ${error?.message}`,
        );
    }
  }
}

/** Only killed workers leave unfinished objects: those of their units, logs and checkpoints. */
function nothingUnfinished({ world, driven }: Evidence): void {
  const { deploy = 0 } = driven.inflicted;
  const most = (lostWorkers(driven) + deploy) * MAX_PUTS * world.scenario.workers;
  const left = stageFiles(world.stage).filter((file) => file.startsWith('.partial/'));
  if (left.length > most)
    throw new Error(
      `${left.length} unfinished files are left on the stage (.partial), where ${most} may be.`,
    );
}

async function rowsOnce({ world, ends }: Evidence): Promise<void> {
  const behaviours = new Map(
    world.scenario.partitions.map(({ key, behaviour }) => [JSON.stringify(key), behaviour.returns]),
  );
  const { table, grouped } = await withDatabase(world.warehouse, 'read', async (connection) => ({
    table: await queryRows<Row>(connection, 'SELECT * FROM summary'),
    grouped: await queryRows<Row>(
      connection,
      'SELECT k, g, count(*)::INTEGER AS n, sum(amount)::BIGINT AS total FROM source_at_start GROUP BY k, g',
    ),
  }));
  const expected = grouped.flatMap(({ k, g, n, total }) =>
    Array.from({ length: behaviours.get(JSON.stringify([k, g]))! }, (_, part) =>
      line({ k, g, part, n, total }),
    ),
  );
  const results = await world.partwise.getRun(world.runId).results();
  if (world.scenario.oddities.reuse) ownValues(table);
  sameLines('the output table and a plain GROUP BY', table.map(line), expected);
  sameLines('the results and a plain GROUP BY', results.map(line), expected);
  for (const { k, g, attempt } of results) {
    const id = encodePartitionId([k as string | null, String(g)]);
    equal(`the attempt in the rows of ${id}`, Number(attempt), ends.get(id)!.outcome.attempts);
  }
}

/** Checks the values of rows that the function returned in reused objects. */
function ownValues(table: readonly Row[]): void {
  for (const { k, g, own_bytes: bytes, own_object: object, own_date: date } of table) {
    const id = encodePartitionId([k as string | null, String(g)]);
    const number = createHash('sha256').update(id).digest().readUInt32LE();
    const found = [
      Number(Buffer.from(bytes as Uint8Array).readBigInt64LE()),
      (JSON.parse(object as string) as { owner: string }).owner,
      Date.parse(date as string),
    ];
    equal(`the values that ${id} returned in reused objects`, found, [number, id, number * 1000]);
  }
}

function line({ k, g, part, n, total }: Row): string {
  return JSON.stringify([k, Number(g), Number(part), Number(n), Number(total)]);
}

/** The content of an artifact shows which call wrote it, and that it is complete. */
async function artifactsWhole({ world, partitions, ends }: Evidence): Promise<void> {
  const stage = openStage(`file://${world.stage}`);
  for (const [id, { outcome }] of ends) {
    const { artifacts } = outcome;
    equal(
      `the artifacts of ${id}`,
      partitions.get(id)!.artifacts,
      artifacts.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
    );
    equal(`the names of the artifacts of ${id}`, artifacts.map(({ name }) => name).sort(), [
      'call.bin',
      'call.json',
    ]);
    const found: Record<string, string> = {};
    for (const { name, path, offset, bytes, sha256 } of artifacts) {
      const content = await stage.get(path, { offset, bytes });
      equal(`the sha256 of ${name} of ${id}`, createHash('sha256').update(content).digest('hex'), sha256);
      found[name] = Buffer.from(content).toString('utf8');
    }
    const { token } = JSON.parse(found['call.json']!) as { token: string };
    const whole = token.repeat(Math.ceil(found['call.bin']!.length / token.length));
    if (!whole.startsWith(found['call.bin']!))
      throw new Error(`The artifacts of ${id} come from different calls.`);
  }
}

function statusesAgree({ driven, readings, world }: Evidence): void {
  for (const [n, { closed, exitCode, workflowRunId }] of driven.executions.entries()) {
    equal(
      `the exit code of the command that followed execution ${n + 1}`,
      exitCode,
      // A continuation whose plan was damaged by a flipped bit is refused.
      closed === 'COMPLETED' ? 0 : (driven.inflicted.flip ?? 0) > 0 && !hasPlanned(readings[n]!) ? 2 : 1,
    );
    const { status, counts, error } = readings[n]!.state;
    // Rows damaged by a flipped bit are refused when they are written.
    const isDamaged = error?.type === 'CommitFailed' && (driven.inflicted.flip ?? 0) > 0;
    const tolerated = world.scenario.options.toleratedFailures;
    const bad = counts.total - counts.DONE - counts.SKIPPED;
    const expected =
      closed === 'CANCELLED'
        ? 'CANCELLED'
        : closed === 'TERMINATED' || isDamaged
          ? 'FAILURE'
          : bad === 0
            ? 'SUCCESS'
            : counts.DONE === 0
              ? 'FAILURE'
              : 'PARTIAL_FAILURE';
    equal(`the status of execution ${n + 1} (${workflowRunId}, ${closed})`, status, expected);
    if (closed === 'COMPLETED' && bad > tolerated)
      throw new Error(`Execution ${n + 1} completed with ${bad} failures, and ${tolerated} are tolerated.`);
  }
  equal(
    'the executions that the state lists',
    driven.state.executions.map(({ workflowRunId }) => workflowRunId),
    // An execution cancelled before planning finished took over nothing, and does not count.
    driven.executions.filter((_, n) => hasPlanned(readings[n]!)).map(({ workflowRunId }) => workflowRunId),
  );
  equal('generations', [...new Set(driven.state.executions.map(({ generation }) => generation))], [1]);
}

/**
 * Immediately after a cancel and after an end. (After a terminate, within the heartbeat timeout:
 * continuations wait for that.)
 */
function closedMeansStopped({ driven, readings, calls }: Evidence): void {
  for (const [n, { closed, closedAt }] of driven.executions.entries()) {
    // An execution without a plan started nothing; functions of an earlier, terminated one may have a few
    // seconds left.
    if (closed === 'TERMINATED' || !hasPlanned(readings[n]!)) continue;
    const next = readings[n + 1];
    const until = next === undefined ? Infinity : Date.parse(next.state.startedAt);
    const late = calls.find(({ at }) => at > closedAt && at < until);
    if (late !== undefined)
      throw new Error(
        `Execution ${n + 1} closed as ${closed}, and ${late.at - closedAt} ms later process ${late.pid} wrote "${late.what}" of ${late.id}.`,
      );
  }
}

function hasPlanned({ record }: Reading): boolean {
  return record.plan !== null;
}

/** Up to the execution that runs the skipped partitions. */
function skippedMeansNotCalled({ world, driven, calls }: Evidence): void {
  for (const skipped of world.skipped) {
    const next = driven.state.executions.find(({ startedAt }) => Date.parse(startedAt) > skipped.at);
    const until = next === undefined ? Infinity : Date.parse(next.startedAt);
    const late = calls.find(
      ({ what, id, at }) => what === 'begin' && id === skipped.id && at > skipped.at && at < until,
    );
    if (late !== undefined)
      throw new Error(`Partition ${late.id} was called ${late.at - skipped.at} ms after it was skipped.`);
  }
}

/** A late commit of an earlier execution with no rows must not empty the table. */
async function lateCommitRefused({ world, readings }: Evidence): Promise<void> {
  // The last one may have found everything already committed.
  const committed = readings.findLast(({ record }) => record.commit !== null)!;
  const { opened, plan } = committed.record;
  if (plan!.execution === 1) return;
  const before = await table(world);
  const late = openWarehouse(opened!.warehouse, world.project).commit(
    {
      version: 1,
      runId: world.runId,
      generation: 1,
      execution: plan!.execution - 1,
      stage: plan!.stage,
      warehouse: opened!.warehouse,
      stageToken: opened!.stageToken,
      output: plan!.output!,
      keyColumns: plan!.keyColumns,
      index: plan!.index,
    },
    {
      workflowRunId: 'zombie',
      lineage: (await readLocators(openStage(plan!.stage), world.runId)).found[0]!.workflowRunId,
      index: join(world.stage, plan!.index.path),
      rows: [],
      notDone: [],
      doneAfter: () => [],
      signal: new AbortController().signal,
      newestExecution: () => Promise.resolve(readings.length),
    },
  );
  const refusal = await late.then(
    () => null,
    (error: Error) => error.message,
  );
  if (refusal === null || !/came too late/.test(refusal))
    throw new Error(`The commit of an earlier execution was not refused: ${refusal ?? 'it went through'}.`);
  sameLines('the output table before and after a late commit', await table(world), before);
}

function table(world: World): Promise<string[]> {
  return withDatabase(world.warehouse, 'read', async (connection) =>
    (await queryRows<Row>(connection, 'SELECT * FROM summary')).map(line),
  );
}

/** After the workers are killed, runners and their work end without help. */
export async function assertNoneLeft(world: World): Promise<void> {
  const runners = [...new Set(world.calls.read().map(({ pid }) => pid))];
  await patiently('runners to end with their workers', () =>
    Promise.resolve(runners.some((pid) => world.isRunner(pid)) ? undefined : true),
  );
}

function equal(what: string, found: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what[0]!.toUpperCase()}${what.slice(1)}: ${a}, and it should be ${b}.`);
}

function sameLines(what: string, found: readonly string[], expected: readonly string[]): void {
  const left = new Map<string, number>();
  for (const each of found) left.set(each, (left.get(each) ?? 0) + 1);
  for (const each of expected) left.set(each, (left.get(each) ?? 0) - 1);
  const differing = [...left].filter(([, n]) => n !== 0);
  if (differing.length === 0) return;
  const examples = differing
    .slice(0, 5)
    .map(([each, n]) => `${each} ${n > 0 ? `${n} too many` : `${-n} missing`}`);
  throw new Error(`${what} differ in ${differing.length} rows: ${examples.join('; ')}.`);
}

function zeroCounts<T extends Record<string, number>>(counts: T): T {
  return Object.fromEntries(Object.keys(counts).map((name) => [name, 0])) as T;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
