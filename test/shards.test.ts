/** Runs of more units than one workflow may have: their shards, and that a run behaves with them as it does without. */
import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunInput } from '../src/index';
import { GATED_FUNCTIONS, startGated, type GatedRun } from './support/gated-runs';
import { makeProject, type TestProject } from './support/project';

let project: TestProject;
let worker: ChildProcess;
beforeAll(async () => {
  project = await makeProject(GATED_FUNCTIONS);
  worker = await project.startWorker({ PARTWISE_RUNNERS: '4' });
});
afterAll(() => project.close());

const ids = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `${from + i}`);

/** Partitions 0 … n - 1, of one row but for `large`, in two shards of 48 at a time. */
const sharded = (name: string, input: Partial<RunInput> = {}, partitions = 60) =>
  startGated(project, name, {
    source: { query: `SELECT range AS k, 1 AS x FROM range(${partitions})` },
    ...input,
    options: { maxConcurrency: 60, ...input.options },
  });

const handleOf = ({ run }: GatedRun) => project.client.workflow.getHandle(run.runId);
const shardOf = ({ run }: GatedRun, shard: number, execution = 1) =>
  project.client.workflow.getHandle(`${run.runId}/execution-${execution}/shard-${shard}`);

describe('a run with shards', () => {
  it('has the outcome, the row and one call of every partition', async () => {
    const gated = await sharded('plain', { output: { table: 'plain_out' } });
    expect(await gated.run.wait()).toMatchObject({
      status: 'SUCCESS',
      counts: { total: 60, DONE: 60, PENDING: 0 },
      commit: { rows: 60 },
    });
    expect(gated.begun().sort()).toEqual(ids(0, 60).sort());
    expect((await gated.run.results()).map(({ k }) => Number(k)).sort((a, b) => a - b)).toEqual(
      ids(0, 60).map(Number),
    );
    expect((await handleOf(gated).describe()).raw.workflowExecutionInfo!.historyLength!.toString()).toBe('x');
  });
});
