import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { previewPlan, type FindPace } from '../src/client/plan-preview';
import { loadConfig } from '../src/config';
import type { TryEvent, TryReport } from '../src/index';
import { cli, startCli } from './support/cli';
import { makeProject, REPOSITORY } from './support/project';

const FUNCTIONS = `
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

export const count = definePartitionFunction({
  name: 'count',
  async run(data, context) {
    console.log('counting', context.partitionId);
    context.expect(context.key.region !== 'South', 'South is closed');
    await context.upload('count.json', { orders: data.rowCount });
    return { orders: data.rowCount, currency: context.params.currency ?? null, run: context.runId };
  },
});

export const breaks = definePartitionFunction({
  name: 'breaks',
  timeout: '1s',
  memory: '256MB',
  async run(data, { key, download }) {
    if (key.region === 'North') for (const all: number[][] = []; ; ) all.push(new Array(1e6).fill(1));
    if (key.region === 'East') for (;;);
    if (key.region === 'South') process.exit(3);
    await download('count.json', { run: 'another' });
  },
});

export const wait = definePartitionFunction({
  name: 'wait',
  async run(data, { signal }) {
    console.log('pid', process.pid);
    await sleep(600_000, undefined, { signal });
  },
});
`;

/** Regions with 5, 4, 3, 2 and 1 rows; the last one has no name. */
const SALES = `region,amount\n${['North', 'East', 'South', 'New York', '']
  .flatMap((region, i) => Array.from({ length: 5 - i }, (_, amount) => `${region},${amount}\n`))
  .join('')}`;

it('is planned without the time of an earlier run that cannot be read, or not soon, or had another query', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'partwise-plan-'));
  try {
    await writeFile(join(folder, 'sales.csv'), SALES);
    const config = await loadConfig({ projectDir: folder });
    const input = { function: 'count', source: { files: 'sales.csv' }, partitionBy: ['region'] };
    const pace = { runId: 'before', startedAt: '2026-01-01T00:00:00.000Z', msPerRow: 2 };
    const timeWith = async (findPace: FindPace, more = {}) =>
      (await previewPlan({ ...input, ...more }, config, findPace, 1)).time;
    expect(await timeWith(() => Promise.resolve(pace))).toMatchObject({ ...pace, atLeastMs: 10 });
    // Every query has the same function's name.
    const sql = { function: 'sql', sql: 'SELECT count(*) AS rows FROM data' };
    expect(await timeWith(() => Promise.resolve(pace), sql)).toBeNull();
    expect(await timeWith(() => new Promise(() => {}))).toBeNull();
    expect(await timeWith(() => Promise.reject(new Error('no server')))).toBeNull();
  } finally {
    await rm(folder, { recursive: true });
  }
});

describe('--try', () => {
  let folder: string;
  let temporary: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'partwise-try-'));
    temporary = join(folder, 'tmp');
    await mkdir(temporary);
    await mkdir(join(folder, 'node_modules'));
    await symlink(REPOSITORY, join(folder, 'node_modules', 'partwise'));
    await writeFile(join(folder, 'functions.ts'), FUNCTIONS);
    await writeFile(join(folder, 'sales.csv'), SALES);
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Nothing listens at this address, so using a server would fail. */
  const env = (): NodeJS.ProcessEnv => ({ TEMPORAL_ADDRESS: '127.0.0.1:1', TMPDIR: temporary });
  const arguments_ = (name: string, ...more: string[]): string[] => {
    const source = more.includes('--from') ? [] : ['--from', 'sales.csv', '--by', 'region'];
    return ['run', name, ...source, ...more];
  };
  const tryOut = (name: string, ...more: string[]) => cli(folder, arguments_(name, ...more), env());
  const report = async (name: string, ...more: string[]): Promise<TryReport> => {
    const { stdout } = await tryOut(name, '--json', ...more);
    return JSON.parse(stdout) as TryReport;
  };
  const expectNothingLeft = async (): Promise<void> => {
    expect(await readdir(temporary)).toEqual([]);
    expect((await readdir(folder)).sort()).toEqual(['functions.ts', 'node_modules', 'sales.csv', 'tmp']);
  };

  it('runs a few partitions without a server, shows their outcomes, and leaves nothing behind', async () => {
    const { code, stdout, stderr } = await tryOut('count', '--param', 'currency=EUR', '--try', '3');
    expect(code).toBe(1);
    expect(stderr).toContain('Trying 3 of 5 partitions (15 rows), from the largest to the smallest.\n');
    expect(stderr).toContain('North                │ counting North\n');
    const blocks = stdout
      .split(/^(?=[✓✗])|\n\n/m)
      .map((block) => block.replace(/ in [\d.]+ m?s$/m, '').trimEnd());
    expect(blocks).toEqual(
      expect.arrayContaining([
        '✓ North  DONE  5 rows\n    region  orders  currency  run\n    North        5  EUR       (try)\n    uploaded count.json 18 B',
        '✗ South  FAILED  3 rows\n    ExpectationFailed: South is closed\n    at Object.run (functions.ts:9:13)',
        expect.stringMatching(/^✓ %-  DONE  1 row\n/),
        expect.stringMatching(
          /^3 of 3 partitions tried: 2 DONE, 1 FAILED; no run was started and nothing was kept\nThe whole run: 5 partitions, 15 rows, about [\d.]+ m?s with \d+ at a time$/,
        ),
      ]),
    );
    expect(stdout).toMatch(
      /\n {2}node \S+main\.js run count --from sales\.csv --by region --param currency=EUR {2}run all partitions\n$/,
    );
    await expectNothingLeft();
  });

  it('picks among --only, and exits with 0 if all succeeded', async () => {
    const only = ['--only', 'New York', '--only', 'East', '--only', 'North'];
    const { tried, plan } = await report('count', ...only, '--try', '2');
    expect(tried).toEqual([
      {
        id: 'North',
        key: { region: 'North' },
        status: 'DONE',
        rows: 5,
        durationMs: expect.any(Number),
        result: [{ region: 'North', orders: 5, currency: null, run: '(try)' }],
        resultRows: 1,
        artifacts: [{ name: 'count.json', bytes: 18, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }],
        error: null,
      },
      expect.objectContaining({ id: 'New%20York', status: 'DONE', rows: 2 }),
    ]);
    expect(plan).toEqual({
      partitions: 3,
      rows: 11,
      concurrency: expect.any(Number),
      estimatedMs: expect.any(Number),
    });
    expect((await tryOut('count', ...only, '--try', '9')).code).toBe(0);
  });

  it('holds functions to their limits, and calls each once', async () => {
    const { tried } = await report('breaks', '--try', '4', '--max-concurrency', '2');
    expect(tried.map(({ id, status, error }) => [id, status, error?.type])).toEqual([
      ['North', 'INTERNAL_ERROR', 'OutOfMemory'],
      ['East', 'INTERNAL_ERROR', 'Timeout'],
      ['New%20York', 'FAILED', 'NotAvailableInTrial'],
      ['%-', 'FAILED', 'NotAvailableInTrial'],
    ]);
    const [exits] = (await report('breaks', '--try', '1', '--only', 'South')).tried;
    expect(exits!.error).toMatchObject({ type: 'RunnerKilled', message: expect.stringContaining('code 3') });
    await expectNothingLeft();
  });

  it('accepts a query, and files with one partition each', async () => {
    const sql = ['--sql', 'SELECT sum(amount) AS total FROM data'];
    const { tried } = await report('sql', ...sql, '--try', '2');
    expect(tried.map(({ result }) => result)).toEqual([
      [{ region: 'North', total: 10 }],
      [{ region: null, total: 0 }],
    ]);
    const files = await report('count', '--from', './*.csv', '--try', '2');
    expect(files).toMatchObject({
      tried: [{ id: 'sales.csv', key: { file: 'sales.csv' }, rows: 15, status: 'DONE' }],
      plan: { partitions: 1 },
    });
  });

  it('reports everything that a run would be refused for together (I9)', async () => {
    const { code, stdout, stderr } = await tryOut('cuont', '--by', 'regoin', '--try', '2');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/- There is no function "cuont".* Did you mean "count"\?/);
    expect(stderr).toMatch(/- There is no column "regoin".* Did you mean "region"\?/);
    const noQuery = await tryOut('sql', '--sql', 'SELECT amuont FROM data', '--try', '2');
    expect(noQuery).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('"amuont" not found'),
    });
    const otherKind = await tryOut('count', '--loading-warehouse', 'WH', '--try', '2');
    expect(otherKind).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /"options.warehouse.loadingWarehouse" is an option of snowflake:CONNECTION, but the run's warehouse is "duckdb:.*": leave it out\./,
      ),
    });
    expect((await tryOut('count', '--try', '0')).stderr).toContain('Give a whole number, 1 or more.');
    expect((await tryOut('count', '--try', '1', '--detach')).stderr).toMatch(
      /--try <n>.* cannot be used with .*--detach/,
    );
    await expectNothingLeft();
  });

  it.each([
    [
      'that throws',
      '\nnull!.nope;',
      /The functions file threw while loading: TypeError: .*nope.* \(.*\/broken\.ts:2\)/,
    ],
    [
      'that imports what is not installed',
      "import 'node:fs';\nimport pad from 'left-pad-nope/part';\nexport const padded = pad(1);",
      /imports "left-pad-nope", which is not installed: run npm install left-pad-nope, .* \(.*\/broken\.ts:2\)\./,
    ],
    [
      'that defines a function wrongly',
      "import { definePartitionFunction } from 'partwise';\nexport const f = definePartitionFunction({ run() {} });",
      /"name" is missing; .* \(.*\/broken\.ts:2\)/,
    ],
    [
      'without a partition function',
      'export function count() {}',
      /It exports no partition function: write `export const count = definePartitionFunction\(\{ name: 'count', run/,
    ],
  ])('refuses a functions file %s with the offending line (I9)', async (_, code, sentence) => {
    const broken = join(folder, 'broken.ts');
    await writeFile(broken, code);
    const { stderr } = await tryOut('count', '--functions', 'broken.ts', '--try', '1');
    await rm(broken);
    expect(stderr).toMatch(sentence);
  });

  it('ends the functions on Ctrl-C and leaves nothing behind', async () => {
    const running = startCli(folder, arguments_('wait', '--try', '1'), env());
    await running.prints('pid');
    running.process.kill('SIGINT');
    const { code, stderr } = await running.finished;
    expect({ code, lastLine: stderr.split('\n').at(-2) }).toEqual({
      code: 130,
      lastLine: 'Stopped: no run was started and nothing was kept.',
    });
    const pid = /pid (\d+)/.exec(stderr)![1]!;
    expect(existsSync(`/proc/${pid}`) && execFileSync('ps', ['-o', 'stat=', pid], { encoding: 'utf8' })).toBe(
      false,
    );
    await expectNothingLeft();
  });
});

it('the library tries a run without a worker, and reports what happens', async () => {
  const project = await makeProject(FUNCTIONS);
  try {
    await project.write('sales.csv', SALES);
    const input = { function: 'count', source: { files: 'sales.csv' }, partitionBy: ['region'] };
    const events: TryEvent[] = [];
    const { tried } = await project.partwise.try(input, {
      partitions: 2,
      onEvent: (event) => events.push(event),
    });
    expect(tried.map(({ id, status }) => [id, status])).toEqual([
      ['North', 'DONE'],
      ['%-', 'DONE'],
    ]);
    expect(events[0]).toEqual({
      type: 'picked',
      partitions: 5,
      rows: 15,
      picked: [
        { id: 'North', rows: 5 },
        { id: '%-', rows: 1 },
      ],
    });
    expect(events.filter(({ type }) => type === 'log')).toHaveLength(2);
    expect(events.filter(({ type }) => type === 'partition')).toHaveLength(2);
    await expect(
      project.partwise.try({ ...input, function: 'nope' }, { partitions: 1 }),
    ).rejects.toMatchObject({ name: 'StartRefused', type: 'InvalidInput' });
    await expect(project.partwise.try({ ...input, function: '' }, { partitions: 0 })).rejects.toMatchObject({
      problems: [expect.stringContaining('"function"'), expect.stringContaining('"partitions" is 0')],
    });
    await expect(
      project.partwise.plan({ ...input, function: 'sql', sql: 'SELECT amuont FROM data' }),
    ).rejects.toMatchObject({ problems: [expect.stringContaining('"sql" cannot be run')] });
  } finally {
    await project.close();
  }
});
