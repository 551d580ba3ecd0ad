/**
 * What must hold for calls: the call log, the only record that Partwise did not make, is compared with what
 * Partwise recorded.
 */
import { decodeOrdinals } from '../../src/core/units/ordinals';
import { givenBack } from '../../src/core/units/retry-units';
import { RunReader } from '../../src/reader/run-reader';
import { ServerRun } from '../../src/reader/run-source';
import type { CallEvent } from './calls';
import type { Driven } from './drive';
import { equal, hasPlanned, type Evidence } from './evidence';
import { segmentTimes } from './stage-files';

/**
 * "Recorded" means that the unit's activity has completed in history (at the server's time of that event), or
 * that a checkpoint with the outcome is on the stage. All clocks are those of one machine. A call may start
 * between the end of another and its record: the earlier one was not yet recorded when its worker or server
 * was killed.
 */
export async function doneIsDone({ world, readings, calls }: Evidence): Promise<void> {
  const recordedAt = new Map<number, { at: number; where: string }>();
  const record = (ordinal: number, at: number, where: string): void => {
    if (at < (recordedAt.get(ordinal)?.at ?? Infinity)) recordedAt.set(ordinal, { at, where });
  };
  for (const { ordinal, at, segment } of [...world.segments, ...(await segmentTimes(world))])
    record(ordinal, at, segment);
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
export async function attemptsAgree({ world, ends, partitions, calls }: Evidence): Promise<void> {
  const byToken = new Map<string, CallEvent[]>();
  for (const call of calls) byToken.set(call.token, [...(byToken.get(call.token) ?? []), call]);
  const stage = world.openStage();
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
 * - losing a worker or a server costs every partition of its open units an attempt, called or not;
 * - a lost worker takes along what it called since its last heartbeat: of a partition whose runner another
 *   one killed, as many calls as its budget allows.
 */
export function callsAddUp({ world, driven, partitions, calls }: Evidence): void {
  const { terminate = 0, cancel = 0, commit = 0, deploy = 0 } = driven.inflicted;
  const server = lostServers(driven);
  const worker = lostWorkers(driven);
  const begins = new Map<string, number>();
  for (const { what, id } of calls) if (what === 'begin') begins.set(id, (begins.get(id) ?? 0) + 1);
  equal('partitions outside', begins.size, partitions.size);
  const { full = 0, readOnly = 0, away = 0, flip = 0 } = driven.inflicted;
  const { maximumAttempts } = world.scenario.options.retry;
  const calledByWorkers = worker * maximumAttempts;
  const uncounted = terminate + cancel + commit + deploy + calledByWorkers + server + full + readOnly + away;
  const inBatch = world.scenario.shape === 'batch';
  for (const { id, attempts } of partitions.values()) {
    const called = begins.get(id) ?? 0;
    if (called > attempts + uncounted)
      throw new Error(`Partition ${id} was called ${called} times outside, and has ${attempts} attempts.`);
    // In a batch, a dead runner does not affect the other partitions of the unit. A terminate may come
    // between the start of an attempt and its call. An attempt whose rows were damaged by a flipped bit ends
    // before its call.
    const damaged = flip > 0 ? maximumAttempts : 0;
    const lost = worker + server + deploy + terminate + commit + damaged + (inBatch ? worker + server : 0);
    if (attempts > called + lost)
      throw new Error(`Partition ${id} has ${attempts} attempts, and was called ${called} times outside.`);
  }
}

/** How often the server was killed or stopped. */
function lostServers({ inflicted: { server = 0, freeze = 0 } }: Driven): number {
  return server + freeze;
}

/** How often all workers, or one of them, were lost. */
export function lostWorkers({ inflicted: { worker = 0, power = 0, flip = 0, stop = 0 } }: Driven): number {
  return worker + power + flip + stop;
}

/**
 * A full, read-only or absent stage costs no call; a fault that ends a worker or the execution interrupts at
 * most one call per partition. A worker lost while the stage accepts no writes loses the results that wait
 * for it, so the count of those calls starts again.
 */
export function budgetsKept({ world, driven, calls }: Evidence): void {
  const { terminate = 0, cancel = 0, commit = 0, deploy = 0, runner = 0 } = driven.inflicted;
  const { full = 0, readOnly = 0, away = 0 } = driven.inflicted;
  const cutOff = terminate + cancel + commit + deploy + runner + lostServers(driven) + lostWorkers(driven);
  const { maximumAttempts } = world.scenario.options.retry;
  const lostWaiting = full + readOnly + away > 0 ? lostWorkers(driven) * maximumAttempts : 0;
  const most = maximumAttempts * driven.executions.length + cutOff + lostWaiting;
  const begins = new Map<string, number>();
  for (const { what, id } of calls) if (what === 'begin') begins.set(id, (begins.get(id) ?? 0) + 1);
  for (const [id, called] of begins)
    if (called > most) throw new Error(`Partition ${id} was called ${called} times; its budget is ${most}.`);
}

/**
 * Immediately after a cancel and after an end. (After a terminate, within the heartbeat timeout:
 * continuations wait for that.)
 */
export function closedMeansStopped({ driven, readings, calls }: Evidence): void {
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

/** Up to the execution that runs the skipped partitions. */
export function skippedMeansNotCalled({ world, driven, calls }: Evidence): void {
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
