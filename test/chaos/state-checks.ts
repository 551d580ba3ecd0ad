/** What must hold for the state of the run, of its executions and of its partitions. */
import { RunReader } from '../../src/reader/run-reader';
import { ServerRun } from '../../src/reader/run-source';
import { equal, hasPlanned, type Evidence } from './evidence';
import { idOfKey } from './source';

export function allThere({ world, driven, partitions }: Evidence): void {
  const { counts, rows } = driven.state;
  const expected = world.scenario.partitions;
  const total = expected.length;
  equal('partitions that the state counts', counts, { ...zeroCounts(counts), total, DONE: total });
  equal('partitions that are listed', partitions.size, total);
  equal('rows of the snapshot', rows, sum(expected.map((each) => each.rows)));
  for (const spec of expected) {
    const key = world.source.keyOf(spec);
    const partition = partitions.get(idOfKey(key));
    if (partition === undefined)
      throw new Error(`The partition with the key ${JSON.stringify(key)} is lost.`);
    equal(`the key of ${partition.id}`, partition.key, key);
    equal(`the rows of ${partition.id}`, partition.rows, spec.rows);
    equal(`the status of ${partition.id}`, partition.status, 'DONE');
  }
}

/**
 * The machine's faults are too few to lose a worker three times, so partitions fail only through their own
 * behaviour.
 */
export async function machineCostsNothing({ world, driven, readings }: Evidence): Promise<void> {
  const { family, partitions } = world.scenario;
  // A damaged file is refused for everyone who needs it.
  if (family !== 'machine' || (driven.inflicted.flip ?? 0) > 0) return;
  const innocent = new Set(
    partitions.flatMap((spec) =>
      ['good', 'throwsOnce'].includes(spec.behaviour.kind) ? [world.source.idOf(spec)] : [],
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

/**
 * Where each file is a partition, one with other content fails with `SourceChanged`, and no other does. (That
 * the rows are the planned ones shows in the output.)
 */
export async function replacedRefused({ world, readings }: Evidence): Promise<void> {
  const isOwn = new Map(
    world.scenario.partitions.map((spec) => [
      world.source.idOf(spec),
      /Fixed|kills|fills/.test(spec.behaviour.kind),
    ]),
  );
  for (const { record } of readings) {
    const reader = new RunReader(new ServerRun(world.client, world.runId, record.workflowRunId));
    const reading = await reader.read();
    const views = await reader.views(reading);
    for (const { outcome } of (await reader.outcomes(reading.record)).all()) {
      if (outcome.status !== 'FAILED') continue;
      const id = await views!.id(outcome.ordinal);
      const isRefused = outcome.error?.type === 'SourceChanged';
      if (world.replaced.has(id) ? !isRefused && !isOwn.get(id) : isRefused)
        throw new Error(`Partition ${id} failed with ${outcome.error?.type}: ${outcome.error?.message}`);
    }
  }
}

export function statusesAgree({ driven, readings, world }: Evidence): void {
  const { flip = 0, readOnly = 0, away = 0 } = driven.inflicted;
  for (const [n, { closed, exitCode, workflowRunId }] of driven.executions.entries()) {
    // A continuation is refused if its plan was damaged by a flipped bit, or its stage is read-only or away.
    const isRefused = closed === 'FAILED' && flip + readOnly + away > 0 && !hasPlanned(readings[n]!);
    equal(
      `the exit code of the command that followed execution ${n + 1}`,
      exitCode,
      closed === 'COMPLETED' ? 0 : isRefused ? 2 : 1,
    );
    const { status, counts, error } = readings[n]!.state;
    // Rows damaged by a flipped bit are refused when they are written.
    const isDamaged = error?.type === 'CommitFailed' && flip > 0;
    const tolerated = world.scenario.options.toleratedFailures;
    const bad = counts.total - counts.DONE - counts.SKIPPED;
    const expected =
      closed === 'CANCELLED'
        ? 'CANCELLED'
        : closed === 'TERMINATED' || isDamaged || isRefused
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

function zeroCounts<T extends Record<string, number>>(counts: T): T {
  return Object.fromEntries(Object.keys(counts).map((name) => [name, 0])) as T;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
