/** A project with functions in Python and TypeScript: one worker runs both. */
import {
  appendFileSync,
  chmodSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { temporal } from '@temporalio/proto';
import { Partwise, type RunInput } from '../src/index';
import { FunctionCatalog } from '../src/planning/function-catalog';
import { replayRuns } from '../src/worker';
import { cli } from './support/cli';
import { end, makeProject, type TestProject } from './support/project';
import { hasPython, PYTHON } from './support/python-server';
import { makeFolder } from './support/runner-unit';
import { mustRun } from './support/shell';

const IN_TYPESCRIPT = `
import { definePartitionFunction } from 'partwise';
export const count = definePartitionFunction({ name: 'count', run: (data) => ({ n: data.rowCount }) });
`;
const IN_PYTHON = `
import json, os

def process_sales_data(data_connector, context):
    df = data_connector.to_pandas()
    environment = json.dumps(dict(os.environ))
    print(environment)
    context.upload("environment.txt", environment)
    summary = {"total_sales": float(df["amount"].sum()), "record_count": len(df)}
    context.upload_to_stage(
        summary, "sales_summary.json", write_function=lambda obj, path: json.dump(obj, open(path, "w"))
    )
    if context.partition_id == context.params.get("fail"):
        raise ValueError("as asked")
    return summary
`;
/** Of the worker. */
const SECRETS = {
  AWS_SECRET_ACCESS_KEY: 'secret-of-the-stage',
  SNOWFLAKE_PASSWORD: 'secret-of-the-warehouse',
  OTEL_EXPORTER_OTLP_HEADERS: 'key=secret-of-the-collector',
};
const SALES = 'region,amount\nNorth,1\nNorth,2\nSouth,4\n';
const TOTALS = [
  { region: 'North', total_sales: 3, record_count: 2 },
  { region: 'South', total_sales: 4, record_count: 1 },
];

(hasPython ? describe : describe.skip)('a worker whose project has functions in two languages', () => {
  let project: TestProject;
  let worker: ChildProcess;
  beforeAll(async () => {
    project = await makeProject(IN_TYPESCRIPT, { inPython: IN_PYTHON, config: { python: PYTHON } });
    await project.write('sales.csv', SALES);
    worker = await project.startWorker(SECRETS);
  });
  afterAll(() => project.close());

  const input: RunInput = {
    function: 'process_sales_data',
    source: { files: 'sales.csv' },
    partitionBy: ['region'],
  };
  /** The project's files, and `history`, that contain one of some texts. */
  const filesAndHistoryWith = async (runId: string, texts: string[]): Promise<string[]> => {
    const history = await project.client.workflow.getHandle(runId).fetchHistory();
    const found = Buffer.from(temporal.api.history.v1.History.encode(history).finish());
    const places: [string, Buffer][] = [['history', found]];
    for (const folder of ['stage', '.partwise'])
      for (const name of readdirSync(join(project.folder, folder), { recursive: true }) as string[]) {
        const file = join(project.folder, folder, name);
        if (statSync(file).isFile()) places.push([join(folder, name), readFileSync(file)]);
      }
    return places.flatMap(([place, content]) =>
      texts.some((text) => content.includes(text)) ? [place] : [],
    );
  };
  const run = (...args: string[]) =>
    cli(project.folder, ['run', ...args, '--from', 'sales.csv', '--by', 'region']);

  test.each(['process_sales_data', './functions.ts:count'])('runs %s for `partwise run`', async (name) => {
    const runId = project.runId('cli');
    const { code, stdout } = await run(name, '--run-id', runId, '--json');
    const state = JSON.parse(stdout) as { function: string; runtime: unknown };
    expect({ code, state }).toMatchObject({ code: 0, state: { counts: { DONE: 2 } } });
    const isPython = state.function === 'process_sales_data';
    expect(state.function).toBe(name.split(':').at(-1));
    expect(state.runtime).toEqual(
      isPython
        ? {
            python: expect.stringMatching(/^3\./),
            packages: expect.objectContaining({ pandas: expect.any(String) }),
          }
        : null,
    );
    const results = await project.partwise.getRun(runId).results();
    expect(results).toEqual(isPython ? TOTALS : TOTALS.map(({ region, record_count: n }) => ({ region, n })));
  });

  test('runs both for the library and for a plain workflow start, whose histories replay', async () => {
    const started = await project.partwise.start({ ...input, function: 'functions.py:process_sales_data' });
    const plain = project.runId('plain');
    await project.client.workflow.start('partitionedRun', {
      workflowId: plain,
      taskQueue: project.taskQueue,
      args: [{ ...input, function: 'functions.py:process_sales_data' }],
    });
    for (const each of [started, project.partwise.getRun(plain)]) {
      expect(await each.wait()).toMatchObject({ status: 'SUCCESS', function: 'process_sales_data' });
      expect(await each.results()).toEqual(TOTALS);
      const listed = await each.partition('North').artifacts.list();
      expect(listed.map(({ name }) => name).sort()).toEqual(['environment.txt', 'sales_summary.json']);
      expect(String(await each.partition('North').artifacts.get('environment.txt'))).toContain('"PATH"');
      expect(await filesAndHistoryWith(each.runId, Object.values(SECRETS))).toEqual([]);
      expect(await filesAndHistoryWith(each.runId, ['total_sales'])).toContain('history');
    }
    const runs = project.partwise.histories({ runs: [started.runId, plain] });
    for await (const report of replayRuns(runs)) expect(report).toMatchObject({ divergence: null });
  });

  test('retries what failed, and runs what a schedule starts', async () => {
    const first = await project.partwise.start({
      ...input,
      params: { fail: 'South' },
      options: { retry: { maximumAttempts: 1 } },
    });
    expect(await first.wait()).toMatchObject({ counts: { DONE: 1, FAILED: 1 } });
    expect(await first.failures()).toMatchObject([
      { place: { file: join(project.folder, 'functions.py'), line: 14 } },
    ]);
    await project.write('functions.py', IN_PYTHON.replace('context.params.get("fail")', '"nobody"'));
    await end(worker);
    worker = await project.startWorker();
    const again = await first.retry();
    expect(await again.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 2 } });
    expect(await again.results()).toEqual(TOTALS);

    const schedule = project.runId('nightly');
    await project.partwise.schedules.create(schedule, {
      input: { ...input, function: 'functions.py:process_sales_data' },
      cron: '0 0 1 1 *',
    });
    const { runId } = await project.partwise.schedules.trigger(schedule);
    expect(await project.partwise.getRun(runId).wait()).toMatchObject({ status: 'SUCCESS' });
    await project.partwise.schedules.delete(schedule);
  });

  test('speaks about a misspelt function, and a file that is not its own, as about any (I9)', async () => {
    const { code, stderr } = await run('proces_sales_data');
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(
        /There is no function "proces_sales_data" in \S+functions\.ts or \S+functions\.py\. Did you mean "process_sales_data"\? They have: count, process_sales_data\./,
      ),
    });
    const tried = await run('functions.py:process_sale_data', '--try', '1');
    expect(tried).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Did you mean "process_sales_data"?'),
    });
    const foreign = await project.partwise.start({ ...input, function: 'other.py:f', python: '/bin/sh' });
    const { error } = await foreign.wait();
    expect(error!.message).toMatch(
      /"functions" is "other\.py", but a deployed worker.*"python" is "\/bin\/sh"/s,
    );
  });

  test('says that reused outcomes were made on other packages', async () => {
    const series = { ...input, series: 'nightly', onUnchanged: 'reuse' } as const;
    const before = await (await project.partwise.start(series)).wait();
    await end(worker);
    const other = join(project.folder, 'python');
    writeFileSync(other, `#!/bin/sh\n${PYTHON} "$@" | sed 's/"pandas": "[^"]*"/"pandas": "0.1"/'\n`);
    chmodSync(other, 0o755);
    worker = await project.startWorker({ PARTWISE_PYTHON: other });
    const after = await project.partwise.start(series);
    expect(await after.wait()).toMatchObject({
      reused: 2,
      reusedRuntimes: [before.runtime],
      runtime: { packages: { pandas: '0.1' } },
    });
    const { stdout } = await cli(project.folder, ['status', after.runId]);
    expect(stdout).toMatch(/^reused partitions ran on Python 3\..*, pandas [1-9]/m);
  });

  test('does not start if its functions in Python cannot be loaded', async () => {
    await project.write('broken.py', 'import not_there\n');
    const started = await cli(project.folder, ['worker', '--functions', 'broken.py']);
    expect(started).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/imports "not_there", which is not installed.*broken\.py:1/),
    });
  });

  test('is described by doctor, with the interpreter of its functions', async () => {
    const { stdout } = await cli(project.folder, ['doctor']);
    expect(stdout).toMatch(
      /✓ Python +\S+ \(as named\): Python 3\..*, pyarrow .*\n +tests import partwise from .*\/python\n/,
    );
    expect(stdout).toMatch(/✓ programs +in Python: pip install \S+\/dist\/python\/partwise-\S+\.whl\n/);
  });
});

(hasPython ? describe : describe.skip)('functions files', () => {
  let folder: string;
  beforeEach(() => {
    folder = makeFolder();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const write = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const catalogOf = (files: string[]): FunctionCatalog =>
    new FunctionCatalog({ files, folder: join(folder, 'out'), reloads: true, cwd: folder, python: PYTHON });

  test('with a function of one name are refused with both', async () => {
    const files = ['a', 'b'].map((name) => write(`${name}.py`, 'def f(data, context): pass\n'));
    await expect(catalogOf(files).current()).rejects.toThrow(
      `There are two functions named "f", in ${files[0]} and in ${files[1]}. Rename one of them.`,
    );
  });

  test('that cannot be loaded do not keep the functions of the others from running', async () => {
    const files = [write('a.py', 'def f(:\n'), write('b.py', 'def g(data, context): pass\n')];
    const { bundles, failures } = await catalogOf(files).current();
    expect(bundles.map(({ functions }) => functions)).toEqual([[{ name: 'g' }]]);
    expect(failures.map(({ message }) => message)).toEqual([`${files[0]}:1:7: Invalid syntax.`]);
    await expect(catalogOf(files).names()).rejects.toThrow('Invalid syntax');
  });

  test('are described without being imported again, unless what was kept is damaged', async () => {
    const imports = write('imports', '');
    const file = write(
      'f.py',
      `open(${JSON.stringify(imports)}, "a").write(".")\ndef f(data, context): pass\n`,
    );
    const names = (): Promise<string[]> => catalogOf([file]).names();
    expect(await names()).toEqual(['f']);
    expect(await names()).toEqual(['f']);
    expect(readFileSync(imports, 'utf8')).toBe('.');
    const [kept] = readdirSync(join(folder, 'out')).filter((name) => name.endsWith('.json'));
    const content = readFileSync(join(folder, 'out', kept!), 'utf8');
    for (const damaged of [content.replace('"f"', '"g"'), content.slice(0, 40), '']) {
      writeFileSync(join(folder, 'out', kept!), damaged);
      expect(await names()).toEqual(['f']);
    }
    expect(readFileSync(imports, 'utf8')).toBe('....');
    appendFileSync(file, '\n');
    await names();
    expect(readFileSync(imports, 'utf8')).toBe('.....');
  });
});

(hasPython ? test : test.skip)('`partwise init --python` makes a project that runs unchanged', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'partwise-init-'));
  const env = { PARTWISE_PYTHON: PYTHON };
  const made = await cli(folder, ['init', '--python']);
  expect(readdirSync(folder).sort()).toEqual(
    [
      '.gitignore',
      'README.md',
      'functions.py',
      'pyproject.toml',
      'requirements.txt',
      'sales.csv',
      'test_functions.py',
    ].sort(),
  );
  expect(made.stdout).toMatch(
    /python3 -m venv \.venv\n +\.venv\/bin\/pip install -r requirements\.txt\n.* run sales_by_region --from sales\.csv --by region\n +\.venv\/bin\/python -m pytest\n/,
  );
  expect(await mustRun(PYTHON, ['-m', 'pytest', '-q'], folder)).toMatch(/^1 passed/m);
  const tried = await cli(
    folder,
    ['run', 'sales_by_region', '--from', 'sales.csv', '--by', 'region', '--try', '4', '--json'],
    env,
  );
  const { tried: partitions } = JSON.parse(tried.stdout) as Awaited<ReturnType<Partwise['try']>>;
  expect(partitions.map(({ id, result }) => [id, result[0]!['orders'], result[0]!['total']]).sort()).toEqual([
    ['East', 14, 1296.08],
    ['North', 20, 1374.98],
    ['South', 12, 1076.04],
    ['West', 14, 979.08],
  ]);
  await cp(join(folder, 'functions.py'), join(folder, 'mine.py'));
  const again = await cli(folder, ['init']);
  expect(again.stdout).toMatch(/kept +partwise\.config\.ts +not created: pyproject\.toml already exists/);
  await rm(folder, { recursive: true });
});
