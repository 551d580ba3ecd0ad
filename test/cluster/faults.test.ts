/**
 * What breaks below a run: nodes of the cluster, its database, the connection to it. The function writes each
 * call to an external file; test/chaos compares more, with `npm run chaos -- --cluster`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startCluster, type Cluster } from '../support/cluster/cluster';
import { GATED_FUNCTIONS, startGated } from '../support/gated-runs';
import { makeProject, type TestProject } from '../support/project';

const PARTITIONS = 120;
/** Runners of the worker: no more calls than these can be interrupted. */
const RUNNERS = 2;

let cluster: Cluster;
let project: TestProject;
beforeAll(async () => {
  cluster = await startCluster();
  project = await makeProject(GATED_FUNCTIONS, { server: cluster });
  await project.execute(`CREATE TABLE t AS SELECT range AS k FROM range(${PARTITIONS})`);
  await project.startWorker({ PARTWISE_RUNNERS: String(RUNNERS) });
});
afterAll(async () => {
  await project?.close();
  await cluster?.end();
});

/** Inflicts a fault when a third of the partitions were called; resolves when the cluster is whole again. */
async function survives(name: string, inflict: () => Promise<void>): Promise<void> {
  const gated = await startGated(project, name, {
    source: { table: 't' },
    params: { ms: 50 },
    output: { table: `out_${name}` },
    options: { partitionsPerUnit: 1, maxConcurrency: 8, retry: { maximumAttempts: 1 } },
  });
  const waiting = gated.run.wait();
  await gated.untilCalls(PARTITIONS / 3);
  await inflict();
  expect(await waiting).toMatchObject({ status: 'SUCCESS', counts: { total: PARTITIONS, DONE: PARTITIONS } });

  // Every partition was called, and those that were called again were running when the fault came: their
  // attempts could not be reported in time.
  const calls = gated.started();
  expect(new Set(calls).size).toBe(PARTITIONS);
  expect(calls.length - PARTITIONS).toBeLessThanOrEqual(RUNNERS);
  const { partitions } = await gated.run.partitions({ limit: PARTITIONS });
  for (const { id, attempts } of partitions)
    expect([id, attempts]).toEqual([id, calls.filter((called) => called === id).length]);
  const [counted] = await project.query<{ rows: number; ids: number }>(
    `SELECT count(*)::INTEGER AS rows, count(DISTINCT value)::INTEGER AS ids FROM out_${name}`,
  );
  expect(counted).toEqual({ rows: PARTITIONS, ids: PARTITIONS });
}

describe('a run loses nothing, and repeats nothing that was recorded, when', () => {
  it('one node of the cluster is killed', () =>
    survives('one_node', async () => {
      await cluster.nodes[0]!.kill();
      cluster.nodes[0]!.start();
      await cluster.ready();
    }));

  it('both nodes of the cluster are killed', () =>
    survives('both_nodes', async () => {
      await Promise.all(cluster.nodes.map((node) => node.kill()));
      for (const node of cluster.nodes) node.start();
      await cluster.ready();
    }));

  it('the database crashes and recovers', () =>
    survives('database', async () => {
      await cluster.database.crash();
      await cluster.ready();
    }));

  it('the connection stalls for longer than the heartbeat timeout', () =>
    survives('stalled', async () => {
      const resume = cluster.balancer.stall();
      // The timeout of startGated is 3 seconds.
      await sleep(6_000);
      resume();
    }));
});
