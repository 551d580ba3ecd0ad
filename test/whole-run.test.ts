/** What a page shows of a large run: 100,000 partitions in columns, its units, and its failures in groups. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PARTITION_STATUSES, type RunHandle } from '../src/index';
import { makeProject, type TestProject } from './support/project';

const PARTITIONS = 100_000;

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';

export const picky = definePartitionFunction({
  name: 'picky',
  retry: { maximumAttempts: 1 },
  run(data, { key, partitionId }) {
    if (key.i % 40 === 7) throw new RangeError('Partition ' + partitionId + ' has ' + key.i * 3 + ' rows too many');
    if (key.i % 1000 === 13) throw new Error('There is no rate for "' + partitionId + '"');
    return { rows: data.rowCount };
  },
});
`;
const isTooLarge = (i: number): boolean => i % 40 === 7;
const hasNoRate = (i: number): boolean => !isTooLarge(i) && i % 1000 === 13;

let project: TestProject;
let run: RunHandle;
/** What each snapshot of the run in progress said. */
let followed: Counted[];
beforeAll(async () => {
  project = await makeProject(FUNCTIONS);
  await project.execute(
    `CREATE TABLE numbers AS SELECT i, j FROM range(${PARTITIONS}) t(i), range(3) u(j) WHERE j = 0 OR i % 3 = j`,
  );
  await project.startWorker();
  run = await project.partwise.start(
    {
      function: 'picky',
      source: { table: 'numbers' },
      partitionBy: ['i'],
      options: { toleratedFailures: '10%' },
    },
    { runId: project.runId('whole') },
  );
  followed = await follow(run);
});
afterAll(() => project.close());

describe(`a run of ${PARTITIONS.toLocaleString('en')} partitions, read as a whole`, () => {
  it('has the counts of its state in its columns, and each partition at its place (I2)', async () => {
    const columns = await run.columns();
    expect([columns.from, columns.to]).toEqual([0, PARTITIONS]);
    const { total, ...counts } = (await run.status()).counts;
    expect(total).toBe(PARTITIONS);
    expect(countsOf(columns.status)).toEqual(counts);
    for (let ordinal = 0; ordinal < PARTITIONS; ordinal++) {
      const failed = isTooLarge(ordinal) || hasNoRate(ordinal);
      if (columns.status[ordinal] !== PARTITION_STATUSES.indexOf(failed ? 'FAILED' : 'DONE'))
        throw new Error(`Partition ${ordinal} is ${PARTITION_STATUSES[columns.status[ordinal]!]}.`);
    }
    expect(columns.rows.reduce((sum, rows) => sum + rows, 0)).toBe((await run.status()).rows);
    expect(columns.returnedRows.reduce((sum, rows) => sum + rows, 0)).toBe(counts.DONE);
    expect(columns.attempts.every((attempts) => attempts === 1)).toBe(true);
  });

  it('had the counts of its state in its columns whenever it was looked at while it ran (I2)', async () => {
    expect(followed.map(({ columns }) => columns)).toEqual(followed.map(({ counts }) => counts));
    const { total: _, ...counts } = (await run.status()).counts;
    expect(followed.at(-1)!.counts).toEqual(counts);
  });

  it('has the same values in a range as in a page', async () => {
    const units = await run.units();
    for (const from of [0, 16_380, PARTITIONS - 40]) {
      const columns = await run.columns({ from, to: from + 40 });
      const { partitions } = await run.partitions({ from, limit: 40 });
      expect(
        partitions.map(({ ordinal, status, attempts, rows, startedAt, durationMs, unit }) => ({
          ordinal,
          status,
          attempts,
          rows,
          startedAt: Date.parse(startedAt!),
          durationMs,
          unit,
        })),
      ).toEqual(
        Array.from(columns.status, (status, at) => ({
          ordinal: from + at,
          status: PARTITION_STATUSES[status],
          attempts: columns.attempts[at],
          rows: columns.rows[at],
          startedAt: columns.startedAt[at],
          durationMs: columns.durationMs[at],
          unit: units[columns.unit[at]!]!.activityId,
        })),
      );
    }
  });

  it('describes any of its partitions together as it does one by one', async () => {
    const snapshot = await run.snapshot();
    const ordinals = [PARTITIONS - 1, 7, 13, 0, 50_000];
    const ids = await snapshot.ids(ordinals);
    const alone = await Promise.all(ids.map((id) => run.partition(id).describe()));
    expect(alone.map(({ status }) => status)).toEqual(['DONE', 'FAILED', 'FAILED', 'DONE', 'DONE']);
    expect(await snapshot.partitions(ordinals)).toEqual(alone);
    expect(await snapshot.partitions([])).toEqual([]);
    await expect(snapshot.partitions([PARTITIONS])).rejects.toThrow(`There is no partition ${PARTITIONS}`);
  });

  it('refuses ranges outside the run', async () => {
    for (const range of [{ from: -1 }, { to: PARTITIONS + 1 }, { from: 5, to: 4 }, { from: 0.5 }])
      await expect(run.columns(range)).rejects.toThrow(`has ${PARTITIONS}. Both must be whole numbers`);
  });

  it('has units whose columns add up to their counts in history', async () => {
    const units = await run.units();
    expect(units.length).toBeLessThanOrEqual(500);
    expect(units.reduce((sum, { partitions }) => sum + partitions, 0)).toBe(PARTITIONS);
    for (const unit of [units[0]!, units.at(-1)!]) {
      expect(unit).toMatchObject({ status: 'ended', round: 0, error: null, worker: expect.any(String) });
      expect(Date.parse(unit.startedAt!)).toBeLessThanOrEqual(Date.parse(unit.endedAt!));
      expect(countsOf((await run.columns(unit)).status)).toEqual(unit.counts);
    }
  });

  it('has its failures in one group per cause, with examples and their places', async () => {
    const [tooLarge, noRate, ...others] = await run.failures();
    expect(others).toEqual([]);
    const all = Array.from({ length: PARTITIONS }, (_, i) => i);
    expect(tooLarge).toMatchObject({
      type: 'RangeError',
      pattern: 'RangeError: Partition ◦ has ◦ rows too many',
      count: PARTITIONS / 40,
      place: { file: expect.stringMatching(/functions\.ts$/), line: 8 },
      firstExecution: 1,
    });
    expect(Array.from(tooLarge!.ordinals)).toEqual(all.filter(isTooLarge));
    expect(Array.from(noRate!.ordinals)).toEqual(all.filter(hasNoRate));
    expect(noRate!.place).toMatchObject({ line: 9 });
    expect(tooLarge!.examples).toHaveLength(3);
    for (const { id, ordinal, error } of tooLarge!.examples) {
      expect(await run.partition(id).describe()).toMatchObject({ ordinal, error });
    }
  });

  it('retries all partitions of one cause, and no others, without a list of them (I4)', async () => {
    const [, noRate] = await run.failures();
    expect(noRate!.failedWith).toBe('Error');
    const before = (await run.status()).counts;
    const preview = await run.previewRetry({ failedWith: noRate!.failedWith! });
    expect(preview).toEqual({ partitions: noRate!.count, ordinals: noRate!.ordinals });
    const again = await run.retry({ failedWith: `functions.ts:${noRate!.place!.line}` });
    const seen = await follow(again);
    expect(seen.map(({ columns }) => columns)).toEqual(seen.map(({ counts }) => counts));
    expect((await again.wait()).counts).toEqual(before);
    const { execution } = await again.columns();
    const inSecond = Array.from(execution.keys()).filter((ordinal) => execution[ordinal] === 2);
    expect(inSecond).toEqual(Array.from(noRate!.ordinals));
  });

  it('compares its executions, and with a run of other partitions, code and params', async () => {
    const { executions } = await project.partwise.getRun(run.runId).status();
    const first = run.execution(executions[0]!.workflowRunId);
    const repeated = await first.compare(project.partwise.getRun(run.runId));
    expect(repeated).toMatchObject({
      a: { execution: 1 },
      b: { execution: 2 },
      inBoth: PARTITIONS,
      rowsCompared: true,
      examples: [],
    });
    expect(repeated.order).toHaveLength(0);

    const other = await project.partwise.start(
      {
        function: 'sql',
        sql: 'SELECT count(*) AS n FROM data WHERE i % 2 = 0 HAVING count(*) > 0',
        source: { query: 'SELECT i, j FROM numbers WHERE i BETWEEN 40 AND 599 UNION ALL SELECT -1, 0' },
        partitionBy: ['i'],
        params: { night: 2 },
      },
      { runId: project.runId('other') },
    );
    await other.wait();
    const comparison = await run.compare(other, { examples: 3 });
    expect(comparison).toMatchObject({
      inBoth: 560,
      differences: { gone: PARTITIONS - 560, new: 1, rows: 0 },
      rowsCompared: false,
      examples: [{ a: { status: 'FAILED' }, b: { status: 'DONE' }, causes: ['code', 'params'] }, {}, {}],
    });
    const DONE = PARTITION_STATUSES.indexOf('DONE');
    const failures = Array.from({ length: 560 }, (_, i) => i + 40);
    expect(comparison.transitions[PARTITION_STATUSES.indexOf('FAILED')]![DONE]).toBe(
      failures.filter((i) => isTooLarge(i) || hasNoRate(i)).length,
    );
    const { a, b } = comparison.columns;
    expect([a.length, a.at(-1), b.at(-1), b[0], b[40]]).toEqual([PARTITIONS + 1, -1, 0, -1, 1]);
  });
});

interface Counted {
  counts: object;
  columns: object;
}

/** What each snapshot says until the run ends. */
async function follow(followed: RunHandle): Promise<Counted[]> {
  const seen: Counted[] = [];
  for await (const snapshot of followed.snapshots()) {
    const { columns } = await snapshot.whole();
    const { total: _, ...counts } = snapshot.state.counts;
    seen.push({ counts, columns: countsOf(columns.status) });
  }
  return seen;
}

function countsOf(statuses: Uint8Array): Record<string, number> {
  const counts = PARTITION_STATUSES.map(() => 0);
  for (const status of statuses) counts[status]!++;
  return Object.fromEntries(PARTITION_STATUSES.map((status, i) => [status, counts[i]!]));
}
