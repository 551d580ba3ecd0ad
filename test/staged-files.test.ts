/** Files on a stage as partitions: as on a disk, and never other data than planning saw. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readFileSync } from 'node:fs';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { RunInput } from '../src/index';
import { withDatabase } from '../src/duckdb/database-file';
import { cli } from './support/cli';
import { startFaultProxy, type FaultProxy } from './support/fault-proxy';
import { GATED_FUNCTIONS, startGated } from './support/gated-runs';
import { makeProject, type TestProject } from './support/project';
import { PYTHON } from './support/python-server';
import { describeMoto, describeS3, startS3, type TestS3 } from './support/s3';
import { describeEmulator, startSnowflake, type TestSnowflake } from './support/snowflake';

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';

export const about = definePartitionFunction({
  name: 'about',
  async run(data, context) {
    const rows = await data.rows();
    const types = await data.sql\`SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM data)\`;
    return { rows: JSON.stringify(rows, (_, value) => typeof value === 'bigint' ? String(value) : value), types: JSON.stringify(types) };
  },
});
${GATED_FUNCTIONS}`;

const PYTHON_FUNCTIONS = `
from partwise import partition_function

@partition_function
def totals(data, context):
    return {"total": int(data.to_pandas()["v"].sum())}
`;

/** Texts, by name below the place. */
const FILES: Record<string, string> = {
  'north/2026-01.csv': "k,v,note\na,1,it's\nb,2,\n",
  'north/2026-02.csv': 'k,v\nc,3.5\n',
  'south/day=1/x.csv': 'k,v\nd,4\n',
  'south/no rows.csv': 'k,v\n',
  'east/[1]*?.csv': 'k,v\ne,5\n',
  'north/_SUCCESS': '',
  'north/.hidden.csv': 'k,v\nz,9\n',
  'north/readme.md': 'no data',
};

describeS3('files on S3 as partitions', () => {
  let s3: TestS3;
  let proxy: FaultProxy;
  let project: TestProject;
  beforeAll(async () => {
    proxy = await startFaultProxy();
    s3 = await startS3({
      through: proxy.through,
    });
    project = await makeProject(FUNCTIONS, {
      config: {
        stage: './stage',
        allow: { files: ['.', place(''), 's3://no-such-bucket-here', 's3://B'] },
      },
    });
    for (const [name, text] of Object.entries(FILES)) {
      await put(`sales/${name}`, text);
      const file = join(project.folder, 'sales', name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    await put('sales/north/', '');
    await project.startWorker();
  });
  afterAll(async () => {
    await project.close();
    await s3.close();
    await proxy.close();
  });
  const put = (Key: string, content: string | Uint8Array) =>
    s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key, Body: Buffer.from(content) }));
  const remove = (Key: string) => s3.client.send(new DeleteObjectCommand({ Bucket: s3.bucket, Key }));
  const place = (path: string) => `s3://${s3.bucket}/${path}`;
  const input = (files: string, pattern?: string): RunInput => ({
    function: 'about',
    source: { files, ...(pattern !== undefined && { pattern }) },
  });

  it('have the keys, columns and rows that they have on a disk', async () => {
    const start = async (files: string) => {
      const run = await project.partwise.start(input(files, '**/*.csv'), { runId: project.runId('about') });
      expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { total: 5 } });
      return run.results();
    };
    const [onS3, onDisk] = [await start(place('sales')), await start('sales')];
    expect(onS3).toEqual(onDisk);
    expect(onS3.map(({ file }) => file)).toEqual([
      'east/[1]*?.csv',
      'north/2026-01.csv',
      'north/2026-02.csv',
      'south/day=1/x.csv',
      'south/no rows.csv',
    ]);
  });

  it('are planned, tried, run and debugged from the command line', async () => {
    const flags = ['--from', place('sales/north'), '--pattern', '*.csv'];
    const partwise = (...args: string[]) => cli(project.folder, args, s3.env);
    const planned = await partwise('plan', 'about', ...flags, '--json');
    expect(JSON.parse(planned.stdout)).toMatchObject({ partitions: 2, rows: 3 });
    const tried = await partwise('run', 'about', ...flags, '--try', '1', '--json');
    expect(tried).toMatchObject({ code: 0 });
    const runId = project.runId('by-command');
    const ran = await partwise('run', 'about', '--from', place('sales/north/*.csv'), '--run-id', runId);
    expect(ran).toMatchObject({ code: 0 });
    const debugged = await partwise('debug', runId, '2026-01.csv');
    expect(debugged.stdout).toContain('Same outcome as the run recorded');
  });

  it('are read by functions in Python', async () => {
    const inPython = await makeProject('', {
      inPython: PYTHON_FUNCTIONS,
      config: { python: PYTHON, allow: { files: [place('sales')] } },
    });
    try {
      await inPython.startWorker();
      const run = await inPython.partwise.start(
        { function: 'totals', source: { files: place('sales'), pattern: 'n*/*-01.csv' } },
        { runId: inPython.runId('python') },
      );
      expect(await run.wait()).toMatchObject({ status: 'SUCCESS' });
      expect(await run.results()).toEqual([{ file: 'north/2026-01.csv', total: 3 }]);
    } finally {
      await inPython.close();
    }
  });

  it('of Parquet are planned from their footers, and copied by the units that read them', async () => {
    const file = join(project.folder, 'large.parquet');
    const write = (seed: number) =>
      withDatabase(':memory:', 'write', (duckdb) =>
        duckdb.run(
          `COPY (SELECT range AS v, hash(range + ${seed}) AS noise FROM range(300000)) TO '${file}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
        ),
      );
    await write(0);
    const content = readFileSync(file);
    await put('large/a.parquet', content);
    await put('large/b.parquet', content);
    const before = proxy.requests.length;
    const gated = await startGated(project, 'large', {
      source: { files: place('large'), pattern: '*.parquet' },
      partitionBy: [],
      params: { wait: ['a.parquet'] },
      options: { maxConcurrency: 1 },
    });
    await gated.untilStarted('a.parquet');
    // a.parquet once, and the footers of both.
    const received = proxy.requests.slice(before).reduce((sum, each) => sum + each.received, 0);
    expect(received).toBeGreaterThan(content.length);
    expect(received).toBeLessThan(1.5 * content.length);
    await write(1);
    await put('large/b.parquet', readFileSync(file));
    await gated.release();
    expect(await gated.run.wait()).toMatchObject({ counts: { DONE: 1, FAILED: 1 } });
    await put('large/b.parquet', content);
    const again = await gated.run.retry();
    expect(await again.wait()).toMatchObject({ status: 'SUCCESS' });
    const run = await project.partwise.start(
      {
        function: 'sql',
        sql: 'SELECT sum(v) AS total, count(*) AS n FROM data',
        source: { files: place('large') },
      },
      { runId: project.runId('sums') },
    );
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS' });
    const row = { total: 44999850000, n: 300000 };
    expect(await run.results()).toEqual([
      { file: 'a.parquet', ...row },
      { file: 'b.parquet', ...row },
    ]);
  });

  it('of which one was written again or removed fail alone, by name, until it is restored (I1)', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await put(`gated/${name}.csv`, `v\n${name}\n`);
    const gated = await startGated(project, 'changed', {
      source: { files: place('gated'), pattern: '*.csv' },
      partitionBy: [],
      params: { wait: ['a.csv'] },
      options: { maxConcurrency: 1 },
    });
    await gated.untilStarted('a.csv');
    await put('gated/b.csv', 'v\nX\n');
    await put('gated/c.csv', 'v\nlonger\n');
    await remove('gated/d.csv');
    await gated.release();
    expect(await gated.run.wait()).toMatchObject({ counts: { DONE: 1, FAILED: 3 } });
    const { partitions } = await gated.run.partitions({ status: 'FAILED' });
    expect(partitions.map(({ error }) => `${error!.type}: ${error!.message}`)).toEqual([
      expect.stringContaining(`SourceChanged: The file "${place('gated/b.csv')}" has changed since`),
      expect.stringContaining(`SourceChanged: The file "${place('gated/c.csv')}" has changed since`),
      expect.stringContaining(
        `SourceChanged: The file "${place('gated/d.csv')}" has changed since the run was planned: it is missing`,
      ),
    ]);
    for (const name of ['b', 'c', 'd']) await put(`gated/${name}.csv`, `v\n${name}\n`);
    const again = await gated.run.retry();
    expect(await again.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 4 } });
  });

  const refusal = async (files: string, pattern?: string) => {
    const run = await project.partwise.start(input(files, pattern), { runId: project.runId('refused') });
    const { status, counts, error } = await run.wait();
    expect([status, counts.total]).toEqual(['FAILURE', 0]);
    return error!.message;
  };

  // A real server that keeps objects in a folder has no such names.
  describeMoto('with names that no file can have', () => {
    it('are refused before anything starts', async () => {
      await put('odd/a//b.csv', 'v\n1\n');
      await put('odd/c/../d.csv', 'v\n1\n');
      await put('odd/e.csv', 'v\n1\n');
      await put('odd/e.csv/f.csv', 'v\n1\n');
      const odd = await refusal(place('odd'), '**/*.csv');
      for (const name of ['a//b.csv', 'c/../d.csv', 'e.csv/f.csv'])
        expect(odd).toContain(`The object "${place(`odd/${name}`)}" has a name that no file`);
    });
  });

  it('are refused before anything starts if they cannot be reached or are not there', async () => {
    expect(await refusal(place('sales'), '../*.csv')).toContain('"source.pattern" is "../*.csv"');
    expect(await refusal(place('nothing'), '*.csv')).toBe(
      `No file below "${place('nothing/')}" matches the pattern "*.csv". Check both; a pattern such as "**/*.parquet" also finds files in folders.`,
    );
    expect(await refusal('s3://B', '*.csv')).toContain('"s3://B" does not name a bucket');
    expect(await refusal('s3://no-such-bucket-here', '*.csv')).toContain('there is no bucket');
    expect(await refusal('s3://no-such-bucket-here-either', '*.csv')).toContain(
      'add "s3://no-such-bucket-here-either/" to allow.files',
    );
    expect(await refusal(place('sales'), '**')).toMatch(/unsupported extension/);
    await put('bad/x.csv.gz', 'not compressed');
    expect(await refusal(place('bad'), '*.gz')).toContain(place('bad/x.csv.gz'));
    const table = { ...input(place('sales'), undefined), partitionBy: ['k'] };
    await expect(project.partwise.start(table)).rejects.toThrow(
      'Leave out "partitionBy", and each file is a partition.',
    );
  });
});

describeEmulator('files on a stage on Snowflake as partitions', () => {
  let snowflake: TestSnowflake;
  let project: TestProject;
  beforeAll(async () => {
    snowflake = await startSnowflake();
    await snowflake.execute('CREATE STAGE IF NOT EXISTS FILES');
    const at = `@${snowflake.schema}.FILES`;
    project = await makeProject(FUNCTIONS, {
      config: {
        warehouse: `snowflake:${snowflake.connection}`,
        stage: './stage',
        allow: { files: ['.', at, '@NAME'] },
      },
    });
    await project.startWorker();
  });
  afterAll(async () => {
    await project.close();
    await snowflake.close();
  });
  const put = async (name: string, text: string) => {
    const file = join(project.folder, 'put', name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    const target = dirname(`@${snowflake.schema}.FILES/sales/${name}`);
    await snowflake.execute(`PUT 'file://${file}' '${target}/' AUTO_COMPRESS = FALSE OVERWRITE = TRUE`);
  };

  it('have their rows, and fail by name if they were written again (I1)', async () => {
    const invalid = { function: 'about', source: { files: '@NAME', pattern: '*.csv' } };
    const refused = await project.partwise.start(invalid, { runId: project.runId('invalid') });
    expect((await refused.wait()).error!.message).toContain('"@NAME" is not fully qualified');
    for (const [name, text] of [
      ['a/x.csv', 'k,v\na,1\n'],
      ['a/y.csv', 'k,v\nb,2.5\n'],
      ['b/x.csv', 'k,v\nc,3\n'],
    ] as const)
      await put(name, text);
    const source = { files: `@${snowflake.schema}.FILES/sales`, pattern: '*/*.csv' };
    const run = await project.partwise.start(
      { function: 'about', source },
      { runId: project.runId('about') },
    );
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS' });
    expect((await run.results()).map(({ file, rows }) => [file, rows])).toEqual([
      ['a/x.csv', '[{"k":"a","v":1}]'],
      ['a/y.csv', '[{"k":"b","v":2.5}]'],
      ['b/x.csv', '[{"k":"c","v":3}]'],
    ]);
    const gated = await startGated(project, 'changed', {
      source,
      partitionBy: [],
      params: { wait: true },
      options: { maxConcurrency: 1 },
    });
    await gated.untilCalls(1);
    const [first] = gated.started();
    const others = ['a/x.csv', 'a/y.csv', 'b/x.csv'].filter((name) => encodeURIComponent(name) !== first);
    await put(others[0]!, 'k,v\nd,4\n');
    await gated.release();
    expect(await gated.run.wait()).toMatchObject({ counts: { DONE: 2, FAILED: 1 } });
    const { partitions } = await gated.run.partitions({ status: 'FAILED' });
    expect(partitions[0]!.error!.message).toContain(
      `The file "${source.files}/${others[0]}" has changed since`,
    );
  });
});
