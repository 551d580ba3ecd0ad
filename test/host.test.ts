/** `partwise host`: the library for programs in other languages. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OPERATIONS } from '../src/cli/requests/operations';
import { cli, CLI } from './support/cli';
import { REPOSITORY } from './support/project';
import { TestHost } from './support/host';
import { run } from './support/shell';

let folder: string;
let host: TestHost;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-test-'));
  await writeFile(join(folder, 'sales.csv'), 'region,amount\nNorth,1\nNorth,2\nSouth,4\n');
  host = new TestHost(folder);
});
afterAll(async () => {
  await host.end();
  await cli(folder, ['stop']);
  await rm(folder, { recursive: true, force: true });
});

const input = {
  function: 'sql',
  sql: 'SELECT count(*) AS n, 12345678901234567890123::HUGEINT AS wide FROM data',
  source: { files: 'sales.csv' },
  partitionBy: ['region'],
};

describe('a host', () => {
  it('says first which protocol it speaks, and answers about its project without a server', async () => {
    expect(await host.line()).toEqual({
      ready: true,
      version: expect.stringMatching(/^\d+\./),
      protocol: 1,
    });
    expect(await host.ask(1, 'project')).toMatchObject({
      result: { folder, stage: join(folder, 'stage'), warehouse: null },
    });
  });

  it('starts a run, and reports its events and its end', async () => {
    const started = await host.ask(2, 'start', { runId: 'first', input });
    expect(started.result).toEqual({ run: 'first', execution: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(started.events).toEqual([{ type: 'started', ...(started.result as object) }]);
    const { events, result } = await host.ask(3, 'wait', { run: 'first' });
    expect(events).toContainEqual({
      type: 'planned',
      plan: { partitions: 2, toRun: 2, rows: 3, units: 2, shards: 0 },
    });
    expect(events.at(-1)).toMatchObject({ type: 'ended' });
    expect(result).toMatchObject({ status: 'SUCCESS', counts: { DONE: 2, total: 2 } });
  });

  it('answers several requests at once, each with its own id', async () => {
    const run = 'first';
    host.write({ id: 11, operation: 'partitions', params: { run, limit: 1 } });
    host.write({ id: 12, operation: 'partition', params: { run, partition: 'South' } });
    host.write({ id: 13, operation: 'saveResults', params: { run, file: join(folder, 'out.parquet') } });
    host.write({ id: 14, operation: 'list', params: { limit: 5 } });
    const answers = await Promise.all([11, 12, 13, 14].map((id) => host.answer(id)));
    expect(answers.map(({ result }) => result)).toMatchObject([
      { partitions: [{ id: 'North' }], next: expect.any(String) },
      { id: 'South', key: { region: 'South' }, status: 'DONE' },
      {
        columns: [
          { name: 'region', type: 'VARCHAR' },
          { name: 'n', type: 'BIGINT' },
          { name: 'wide', type: 'HUGEINT' },
        ],
      },
      { runs: [{ runId: 'first', status: 'SUCCESS' }], next: null },
    ]);
  });

  it('compares runs, and pages the log of a partition', async () => {
    const printing = { ...input, sql: 'SELECT count(*) AS n FROM data WHERE amount > 1' };
    await host.ask(71, 'start', { runId: 'second', input: printing });
    await host.ask(72, 'wait', { run: 'second' });
    const comparison = await host.ask(73, 'compare', { run: 'first', other: 'second', examples: 1 });
    expect(comparison.result).toMatchObject({
      a: { runId: 'first', execution: 1 },
      b: { runId: 'second' },
      inBoth: 2,
      differences: { status: 0, rows: 0 },
    });
    expect(comparison.result).not.toHaveProperty('columns');
    const none = await host.ask(74, 'compare', { run: 'first', other: 'secnd' });
    expect(none.error).toMatchObject({ type: 'NoSuchRun' });
    const params = { run: 'first', partition: 'North' };
    const page = await host.ask(75, 'partitionLogPage', { ...params, page: { limit: 10 } });
    expect(page.result).toMatchObject({ lines: [], atEnd: true });
    const wrong = await host.ask(76, 'partitionLogPage', { ...params, page: { limit: 0 } });
    expect(wrong.error).toMatchObject({ type: 'RangeError' });
  });

  it('lists runs by the time of their start', async () => {
    const list = (id: number, params: object) => host.ask(id, 'list', params);
    const counts = { DONE: 2, total: 2 };
    const started = await list(81, { startedFrom: '2020-01-01T00:00:00+01:00', text: 'FIRST' });
    expect(started.result).toMatchObject({ runs: [{ runId: 'first', counts, rows: 3 }] });
    expect((await list(82, { startedBefore: '2020-01-01', text: 'first' })).result).toMatchObject({
      runs: [],
    });
    expect((await list(83, { startedFrom: 'yesterday' })).error).toMatchObject({ type: 'BadParams' });
  });

  it('refuses a run with every problem, also those that only a worker finds', async () => {
    const { error } = await host.ask(21, 'start', { input: { ...input, partitionBy: ['regio'] } });
    expect(error).toMatchObject({
      type: 'StartRefused',
      problems: [expect.stringContaining('Did you mean "region"?')],
    });
    const exists = await host.ask(22, 'start', { runId: 'first', input });
    expect(exists).toMatchObject({
      error: { type: 'StartRefused', reason: 'RunExists', problems: [expect.any(String)] },
    });
    const both = await host.ask(23, 'start', { input: { source: {}, options: { maxConcurrency: 0 } } });
    expect((both['error'] as { problems: string[] }).problems.length).toBeGreaterThan(1);
  });

  it('names an error as the library does', async () => {
    expect(await host.ask(31, 'status', { run: 'frist' })).toMatchObject({
      error: { type: 'NoSuchRun', message: expect.stringContaining('Did you mean "first"?') },
    });
    expect(await host.ask(32, 'cancel', { run: 'first' })).toMatchObject({ error: { type: 'RunEnded' } });
  });

  it.each([
    ['not JSON', /^The line is not JSON: not JSON\./],
    ['{"id": "one", "operation": "status"}', /^The line is not a request: /],
    ['[]', /^The line is not a request: \[\]/],
  ])('explains the line %s', async (line, message) => {
    host.write(line);
    expect(await host.line()).toEqual({
      id: null,
      error: { type: 'BadRequest', message: expect.stringMatching(message) },
    });
  });

  it('explains an unknown operation, and parameters of the wrong kind', async () => {
    expect(await host.ask(41, 'statu')).toMatchObject({
      error: { type: 'BadParams', message: expect.stringMatching(/"statu"\. The operations are project, /) },
    });
    expect(await host.ask(42, '__proto__')).toMatchObject({ error: { type: 'BadParams' } });
    expect(await host.ask(45, 'status', { run: 'first', runId: 'first' })).toMatchObject({
      error: { message: 'The operation "status" has no parameter "runId"; it takes run, execution.' },
    });
    expect(await host.ask(46, 'connect', { run: 'first' })).toMatchObject({
      error: { message: 'The operation "connect" has no parameter "run"; it takes no parameters.' },
    });
    expect(await host.ask(43, 'status')).toMatchObject({
      error: { message: '"run" of the operation "status" is missing; it takes a string.' },
    });
    expect(await host.ask(44, 'partitions', { run: 'first', limit: 'ten' })).toMatchObject({
      error: { message: '"limit" of the operation "partitions" is "ten"; it takes a number.' },
    });
  });

  it('gives up a request that its client cancels, while the run goes on', async () => {
    const slow = { ...input, sql: 'SELECT sum(sin(range)) AS busy FROM data, range(3000000000)' };
    await host.ask(51, 'start', { runId: 'slow', input: slow });
    host.write({ id: 52, operation: 'wait', params: { run: 'slow' } });
    host.write({ cancel: 52 });
    expect(await host.answer(52)).toMatchObject({ error: { type: 'Cancelled' } });
    expect(await host.ask(53, 'status', { run: 'slow' })).toMatchObject({ result: { runId: 'slow' } });
    expect(await host.ask(56, 'previewSkip', { run: 'slow', ordinals: '0-5' })).toMatchObject({
      error: {
        type: 'UpdateRefused',
        message: '"ordinals" goes up to 5, but the run has the ordinals 0 to 1.',
      },
    });
    expect(await host.ask(57, 'skip', { run: 'slow', ordinals: '1' })).toMatchObject({ result: null });
    await host.ask(54, 'cancel', { run: 'slow' });
    expect(await host.ask(55, 'wait', { run: 'slow' })).toMatchObject({ result: { status: 'CANCELLED' } });
  });

  it('answers what it was asked before its input ended', async () => {
    const line = JSON.stringify({ id: 1, operation: 'status', params: { run: 'first' } });
    const { stdout, code } = await run(
      'sh',
      ['-c', `echo '${line}' | "${process.execPath}" "${CLI}" host`],
      folder,
    );
    expect({ code, answer: JSON.parse(stdout.trim().split('\n').at(-1)!) as unknown }).toMatchObject({
      code: 0,
      answer: { id: 1, result: { runId: 'first', status: 'SUCCESS' } },
    });
  });

  it('ends when its client does, whatever it is waiting for', async () => {
    const other = new TestHost(folder);
    await other.line();
    await other.ask(1, 'start', { runId: 'goes-on', input });
    other.write({ id: 2, operation: 'logs', params: { run: 'goes-on', follow: true } });
    expect(await other.end()).toBe(0);
    expect(await host.ask(61, 'wait', { run: 'goes-on' })).toMatchObject({ result: { status: 'SUCCESS' } });
    const killed = new TestHost(folder);
    await killed.line();
    killed.process.stdout!.destroy();
    killed.process.stdin!.destroy();
    await once(killed.process, 'exit');
  });

  it('has the operations that its page lists, in the same order', async () => {
    const page = await readFile(join(REPOSITORY, 'docs/host-protocol.md'), 'utf8');
    const cells = [...page.split('## Operations')[1]!.matchAll(/^\| (`.*?) +\|/gm)];
    const listed = cells.flatMap(([, cell]) => [...cell!.matchAll(/`(\w+)`/g)].map(([, name]) => name));
    expect(listed).toEqual(Object.keys(OPERATIONS));
    // Their parameters too; what they contain is in parentheses.
    const rows = page.split('\n').flatMap((line) => {
      const [, operations, params] = /^\| (`\w+`.*?) +\| (.*?) +\| /.exec(line) ?? [];
      const own = (text: string) =>
        [...text.replace(/\(.*?\)/g, '').matchAll(/`(\w+)`/g)].map(([, name]) => name!);
      return operations === undefined ? [] : own(operations).map((name) => [name, own(params!)] as const);
    });
    expect(Object.fromEntries(rows)).toEqual(
      Object.fromEntries(Object.entries(OPERATIONS).map(([name, { takes }]) => [name, takes])),
    );
  });

  it('reports a configuration that is not valid with the first request that needs it', async () => {
    const broken = new TestHost(folder, ['--functions', 'missing.py']);
    await broken.line();
    const { error } = await broken.ask(1, 'project');
    expect(error).toMatchObject({ type: 'ConfigError', message: expect.stringContaining('missing.py') });
    await broken.end();
  });
});
