/** What a worker exports to Prometheus and to a trace collector, requested over HTTP as they do. */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../src/temporal/ports';
import { cli, startCli, type RunningCli } from './support/cli';
import { bytesOf } from './support/fault-proxy';
import { makeProject, type TestProject } from './support/project';

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';

export const counted = definePartitionFunction({
  name: 'counted',
  async run(data, context) {
    if (context.partitionId === 'key-3') throw new Error('never');
    if (context.partitionId === 'key-5' && context.attempt === 1) throw new Error('once');
    if (context.partitionId === 'key-7') process.exit(1);
    return { n: data.rowCount };
  },
});
`;

let project: TestProject;
let worker: RunningCli;
beforeEach(async () => {
  project = await makeProject(FUNCTIONS);
  await project.execute("CREATE TABLE t AS SELECT 'key-' || range AS k FROM range(20)");
});
afterEach(async () => {
  worker.process.kill('SIGTERM');
  await worker.finished;
  await project.close();
});

const startWorker = async (...args: string[]): Promise<void> => {
  worker = startCli(project.folder, ['worker', ...args]);
  await worker.prints('Executing');
};
const start = (options: object = {}) =>
  project.partwise.start(
    {
      function: 'counted',
      source: { table: 't' },
      partitionBy: ['k'],
      options: { retry: { maximumAttempts: 2, initialInterval: 10 }, ...options },
    },
    { runId: project.runId('counted') },
  );

describe('metrics', () => {
  let port: number;
  beforeEach(async () => {
    port = await freePort();
    await startWorker('--metrics', String(port));
  });
  const scrape = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  /** Sum over all series of that name with these labels. */
  const sum = (text: string, name: string, ...labels: string[]) =>
    text
      .split('\n')
      .filter(
        (line) =>
          /^[ {]/.test(line.startsWith(name) ? line.slice(name.length) : '') &&
          labels.every((label) => line.includes(label)),
      )
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);

  it.each([
    ['one each', {}],
    ['in a batch', { partitionsPerUnit: 20, maxConcurrency: 1 }],
  ])('match the counts of the run, and name no partition (%s)', async (_title, options) => {
    const { counts } = await (await start(options)).wait();
    expect(counts).toMatchObject({ DONE: 18, FAILED: 1, INTERNAL_ERROR: 1 });
    const text = await scrape();
    for (const status of ['DONE', 'FAILED', 'INTERNAL_ERROR'] as const) {
      const labels = [`status="${status}"`, 'function="counted"'];
      expect(sum(text, 'partwise_partitions_total', ...labels)).toBe(counts[status]);
    }
    expect(sum(text, 'partwise_partition_duration_ms_count')).toBe(20);
    expect(sum(text, 'partwise_unit_queue_wait_ms_count')).toBeGreaterThanOrEqual(1);
    // The partition that exits its process does so in every call.
    expect(sum(text, 'partwise_runner_restarts_total', 'reason="lost"')).toBeGreaterThanOrEqual(2);
    expect(sum(text, 'temporal_activity_schedule_to_start_latency_count')).toBeGreaterThan(0);
    expect(text).not.toMatch(/key-\d|counted-/);
  });

  it('are refused on an address that is in use (I9)', async () => {
    const { code, stderr } = await cli(project.folder, ['worker', '--metrics', String(port)]);
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`Metrics cannot be served at 127.0.0.1:${port}`),
    });
  });
});

interface Span {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  status: { code: number };
}

interface Sent {
  resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
}

describe('traces', () => {
  let collector: Server;
  let spans: Span[];
  beforeEach(async () => {
    spans = [];
    collector = createServer((request, response) => {
      void bytesOf(request).then((body) => {
        const { resourceSpans } = JSON.parse(body.toString()) as Sent;
        spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
        response.end('{}');
      });
    });
    collector.listen(0, '127.0.0.1');
    await once(collector, 'listening');
  });
  afterEach(() => {
    collector.close();
  });

  it('show the workflow of a run with its activities below it, and no partition', async () => {
    const { port } = collector.address() as AddressInfo;
    await startWorker('--traces', `http://127.0.0.1:${port}/v1/traces`);
    const { status } = await (await start()).wait();
    expect(status).toBe('PARTIAL_FAILURE');
    // Unsent spans are sent when the worker exits.
    worker.process.kill('SIGTERM');
    expect((await worker.finished).code).toBe(0);
    const named = (name: string) => spans.filter((span) => span.name === name);
    const [root] = named('RunWorkflow:partitionedRun');
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([root!.traceId]));
    const units = named('RunActivity:processUnit');
    expect(units.length).toBeGreaterThanOrEqual(20);
    const started = new Map(named('StartActivity:processUnit').map((span) => [span.spanId, span]));
    for (const unit of units) expect(started.get(unit.parentSpanId!)?.parentSpanId).toBe(root!.spanId);
    for (const name of ['openRun', 'planRun']) expect(named(`RunActivity:${name}`)).toHaveLength(1);
    // Failures are named only by their type: messages contain keys, and may contain rows.
    expect(units.filter(({ status }) => status.code === 2).length).toBeGreaterThanOrEqual(3);
    expect(JSON.stringify(spans)).not.toMatch(/key-|never|once/);
  });
});
