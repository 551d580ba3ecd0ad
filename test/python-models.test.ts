/** Partition models in Python: on real runners, and then end to end with one worker. */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RunHandle, RunInput } from '../src/index';
import { bundleFunctions, describeFunctions } from '../src/runners/functions-file';
import type { FunctionBundle } from '../src/runners/language';
import { RunnerPool } from '../src/runners/pool';
import type { RunnerUnit } from '../src/runners/protocol';
import { makeProject, type TestProject } from './support/project';
import { hasPython, PYTHON } from './support/python-server';
import {
  bundleFixture,
  makeFolder,
  makeSnapshot,
  readRows,
  run,
  selectRows,
  type Ran,
  type RunRequest,
} from './support/runner-unit';
import { until } from './support/until';

const MODELS = join(__dirname, 'support', 'python_models.py');
const PARTITIONS = 4;

(hasPython ? describe : describe.skip)('a model in Python, on a runner', () => {
  let folder: string;
  let pool: RunnerPool;
  let python: FunctionBundle;
  let typescript: FunctionBundle;
  beforeAll(async () => {
    folder = makeFolder();
    cpSync(MODELS, join(folder, 'functions.py'));
    await makeSnapshot(folder, PARTITIONS, 10);
    python = await bundleFunctions(join(folder, 'functions.py'), join(folder, 'functions'), {
      python: PYTHON,
    });
    typescript = await bundleFixture(folder, 'counting-functions.ts');
    pool = new RunnerPool({ size: 2, python: PYTHON, cwd: folder });
  });
  afterAll(async () => {
    await pool.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const ordinals = Array.from({ length: PARTITIONS }, (_, i) => i);
  const runModel = (
    bundle: FunctionBundle,
    name: string,
    unit: Partial<RunnerUnit>,
    request: Partial<RunRequest> = {},
  ): Promise<Ran> => run({ pool, folder, bundle, name, ordinals, unit, maximumLosses: 1, ...request });

  /** A unit that predicts with the content of a file, whatever the partition. */
  const predictWith = (content: string, trainedWith?: string): Partial<RunRequest> => {
    const source = join(folder, `model-${createHash('sha1').update(content).digest('hex')}`);
    writeFileSync(source, content);
    let copies = 0;
    return {
      handlers: {
        onModel: async () => {
          const file = `${source}-${++copies}`;
          copyFileSync(source, file);
          return { file, name: 'model.json', trainedWith };
        },
      },
    };
  };
  const models = (root: string): RunnerUnit['models'] => ({
    label: 'count@1',
    stage: 'file:///nowhere',
    root: { path: root, bytes: 1, sha256: createHash('sha256').update(root).digest('hex') },
  });

  test('is three functions', async () => {
    const described = await describeFunctions(python.path, { python: PYTHON, cwd: folder });
    expect(described.map(({ name, model }) => [name, model])).toEqual(
      ['mean', 'count'].flatMap((name) =>
        ['train', 'predict', 'fitPredict'].map((task) => [`${name}.${task}`, { name, task }]),
      ),
    );
  });

  test.each([
    "day >= '2024-01-08'",
    'amount % 3 = 1 -- a comment',
    "CASE WHEN region = 'k2' THEN NULL ELSE amount > 7 END",
    'amount > (SELECT avg(amount) FROM data)',
    "regexp_matches(region, '[13]$') AND amount IN (2, 5)",
    '10 - amount',
  ])('holds out the rows that TypeScript holds out: %s', async (holdout) => {
    const unit = { model: { holdout, keep: ['day', 'amount'] } };
    const [ours, theirs] = [
      await runModel(python, 'count.fitPredict', unit),
      await runModel(typescript, 'count.fitPredict', unit),
    ];
    expect(ours.summary).toEqual(theirs.summary);
    const rows = await readRows(ours.files);
    expect(rows).toEqual(await readRows(theirs.files));
    expect(rows.length).toBeGreaterThan(0);
  });

  test('splits the rows that the condition was evaluated on, in a run without a snapshot', async () => {
    let asked = 0;
    const access = {
      query: async () => ({ names: [], rows: [] }),
      queryFile: async () => ({ file: '', columns: [] }),
      rows: async ({ ordinal }: { ordinal: number }) => {
        const file = join(folder, 'live', `rows-${ordinal}-${++asked}.parquet`);
        // A table that changes: whoever reads it twice sees other rows.
        await selectRows(
          `COPY (SELECT region, amount + ${100 * asked} AS amount, day, __partwise_ord
             FROM '${folder}/snapshot.parquet' WHERE __partwise_ord = ${ordinal}) TO '${file}'`,
        );
        return { file };
      },
    };
    mkdirSync(join(folder, 'live'));
    const { summary, files } = await runModel(
      python,
      'count.fitPredict',
      { snapshot: [], scratch: join(folder, 'live'), model: { holdout: 'amount <= 104', keep: ['amount'] } },
      { ordinals: [2], options: { access } },
    );
    expect(summary).toEqual(['k2: DONE']);
    expect(asked).toBe(1);
    const rows = await readRows(
      files,
      'row_id::INTEGER AS row_id, amount, prediction::INTEGER AS prediction',
    );
    expect(rows).toEqual([0, 1, 2, 3].map((i) => ({ row_id: i, amount: 101 + i, prediction: 6 })));
    expect(readdirSync(join(folder, 'live')).filter((name) => /^(rows-2-|held-out)/.test(name))).toEqual([]);
  });

  test('fails only in the partitions whose rows do not fit the condition (I5)', async () => {
    const holdout = "CAST(CASE WHEN region = 'k1' THEN 'x' ELSE '5' END AS INTEGER) = amount";
    const unit = { model: { holdout } };
    const { summary, ended } = await runModel(python, 'count.fitPredict', unit);
    expect(summary).toEqual(['k0: DONE', 'k1: FAILED ConversionError', 'k2: DONE', 'k3: DONE']);
    const theirs = await runModel(typescript, 'count.fitPredict', unit);
    expect(summary).toEqual(theirs.summary);
    const failed = (some: Ran['ended']) => some.find(({ outcome }) => outcome.status === 'FAILED')!;
    expect(failed(ended).outcome.error!.message).toBe(failed(theirs.ended).outcome.error!.message);
    expect(failed(ended).retryable).toBe(failed(theirs.ended).retryable);
  });

  test('ends at its timeout while the condition is evaluated, and the query with it (I12)', async () => {
    const endless = '(SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b) > amount';
    const { summary } = await runModel(
      python,
      'count.fitPredict',
      { model: { holdout: endless } },
      { ordinals: [1], options: { timeoutMs: 300 } },
    );
    expect(summary).toEqual(['k1: INTERNAL_ERROR Timeout']);
  });

  test('is decoded once by a runner, which then uses it again', async () => {
    const unit = { models: models('kept'), model: { onMissing: 'fallback', fallback: 'k9' } as const };
    const withNone = predictWith('{"rows": 7}');
    const { onModel } = withNone.handlers!;
    const { summary, files, logs } = await runModel(python, 'count.predict', unit, {
      handlers: { onModel: async (partition) => (partition === 'k9' ? onModel!(partition) : null) },
    });
    expect(summary).toEqual(ordinals.map((i) => `k${i}: DONE`));
    expect(logs.filter(({ text }) => text === 'read')).toHaveLength(1);
    expect(await readRows(files, 'DISTINCT prediction, model_partition')).toEqual([
      { prediction: '7', model_partition: 'k9' },
    ]);
  });

  test('of another version is named in the log, and says what to do if it cannot be read', async () => {
    const old = 'Python 3.1.4, pandas 0.9.1';
    const unit = { models: models('old'), model: {} };
    const { logs } = await runModel(python, 'count.predict', unit, predictWith('{"rows": 1}', old));
    const warnings = logs.filter(({ text }) => text.startsWith('Warning'));
    expect(warnings.map(({ text }) => text)).toEqual([
      expect.stringMatching(
        /^Warning: models of "count" were trained with Python 3\.1\.4, pandas 0\.9\.1, and here is Python 3\.\d+\.\d+, pandas /,
      ),
    ]);
    const broken = await runModel(
      python,
      'count.predict',
      { ...unit, models: models('broken') },
      { ...predictWith('{', old), ordinals: [2] },
    );
    expect(broken.summary).toEqual(['k2: FAILED ModelUnreadable']);
    expect(broken.ended[0]!.outcome.error!.message).toMatch(
      /^The model of the partition "k2" \(model\.json\) cannot be read: JSONDecodeError: .* It was trained with Python 3\.1\.4, pandas 0\.9\.1, and here is .* train it again: partwise train count\./,
    );
    expect(broken.ended[0]!.retryable).toBe(false);
  });
});

(hasPython ? describe : describe.skip)('models in Python', () => {
  let project: TestProject;
  beforeAll(async () => {
    project = await makeProject('', { inPython: readFileSync(MODELS, 'utf8') });
    await project.execute(
      `CREATE TABLE sales AS SELECT shop, day, (10 * ascii(shop) + day)::DOUBLE AS amount
         FROM (VALUES ('a'), ('b'), ('c'), ('d')) AS s(shop), range(4) AS d(day)`,
    );
    await project.startWorker({ PARTWISE_PYTHON: PYTHON });
  });
  afterAll(() => project.close());

  const start = (input: Partial<RunInput>, name: string): Promise<RunHandle> =>
    project.partwise.start({ source: { table: 'sales' }, partitionBy: ['shop'], ...input } as RunInput, {
      runId: project.runId(name),
    });

  test('survive the death of their runner and the retry of a partition, and predict as promoted (I4)', async () => {
    const at = (name: string): string => join(project.folder, name);
    const run = await start(
      {
        function: 'mean.train',
        output: { model: 'mean' },
        model: { holdout: 'day = 3' },
        params: {
          b: { 'fail until': at('fixed') },
          c: { 'wait for': at('never'), pid: at('pid') },
          d: 'nothing',
        },
        options: { toleratedFailures: 1, retry: { maximumAttempts: 2, initialInterval: '1ms' } },
      } as Partial<RunInput>,
      'train',
    );
    await until(() => existsSync(at('pid')));
    process.kill(Number(readFileSync(at('pid'), 'utf8')), 'SIGKILL');
    expect(await run.wait()).toMatchObject({
      counts: { DONE: 3, FAILED: 1 },
      commit: { rows: 2, modelVersion: 1 },
    });
    expect((await run.partition('c').describe()).attempts).toBe(2);
    expect(await run.results()).toMatchObject([
      { shop: 'a', trained_rows: 3, model_file: 'model.pkl', mae: 2 },
      { shop: 'c', trained_rows: 3, model_file: 'model.pkl', mae: 2 },
      { shop: 'd', trained_rows: 4 - 1, model_file: null },
    ]);

    writeFileSync(at('fixed'), '');
    const retried = await run.retry();
    expect(await retried.wait()).toMatchObject({ status: 'SUCCESS', commit: { rows: 1, modelVersion: 2 } });
    const model = (await project.partwise.registry()).model('mean');
    expect(await model.version(2).entry('b')).toMatchObject({
      file: 'model.pkl',
      metrics: { mae: 2 },
      holdout: 'day = 3',
      trainedWith: expect.stringMatching(/^Python 3\./),
    });
    await model.promote(2, 'production');

    const worse = await start(
      {
        function: 'mean.train',
        output: { model: 'mean' },
        model: { holdout: 'day = 3' },
        params: { off: 100 },
      },
      'worse',
    );
    expect((await worse.wait()).commit).toMatchObject({ modelVersion: 3 });
    const { kept } = await model.promote('latest', 'production', { whereBetter: { metric: 'mae' } });
    expect(kept).toBe(3);

    const predicted = await start(
      {
        function: 'mean.predict',
        model: { name: 'mean', version: 2, keep: ['day'] },
        options: { toleratedFailures: 1 },
      } as Partial<RunInput>,
      'predict',
    );
    expect((await predicted.wait()).counts).toMatchObject({ DONE: 3, FAILED: 1 });
    expect((await predicted.partition('d').describe()).error).toMatchObject({ type: 'NoModel' });
    expect((await predicted.results())[1]).toEqual({
      shop: 'a',
      row_id: 1,
      day: 1,
      prediction: 971,
      model_partition: 'a',
    });
  });

  test('carry columns in their source types', async () => {
    const columns = {
      price: '12.3456::DECIMAL(18,4)',
      day: "DATE '2026-11-01'",
      moment: "TIMESTAMP '2026-11-01 06:00:00.123456'",
      nanos: "'2026-11-01 06:00:00.123456789'::TIMESTAMP_NS",
      seconds: "'2026-11-01 06:00:00'::TIMESTAMP_S",
      zoned: "timezone('Europe/Berlin', TIMESTAMP '2026-11-01 06:00:00')",
      huge: '170141183460469231731687303715884105727::HUGEINT',
      large: '18446744073709551615::UBIGINT',
      tiny: '1::TINYINT',
      single: '0.1::FLOAT',
      id: "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID",
      clock: "TIME '06:00:00.123456'",
      term: 'INTERVAL 14 MONTH + INTERVAL 3 DAY',
      bytes: "'\\xAA\\x00'::BLOB",
      list: "['a', NULL]",
      triple: '[1, 2, 3]::INTEGER[3]',
      fields: "{'x': 1::TINYINT, 'y': 'it''s'}",
      pairs: "MAP {'k': 1}",
      nothing: 'NULL::SMALLINT',
      json: `'{"a": 1}'::JSON`,
    };
    const selected = Object.entries(columns).map(([name, value]) => `${value} AS ${name}`);
    await project.execute(
      `CREATE TABLE typed AS SELECT * FROM (VALUES ('a', 0), ('a', 1), ('b', 0)) AS t(shop, place), (SELECT ${selected.join(', ')})`,
    );
    const keep = ['place', ...Object.keys(columns)];
    const run = await start(
      {
        function: 'count.fitPredict',
        source: { table: 'typed' },
        output: { table: 'carried' },
        model: { keep, holdout: "place = 1 OR shop = 'b'" },
        options: { toleratedFailures: 1 },
      },
      'typed',
    );
    const { counts, error } = await run.wait();
    expect({ counts, error }).toMatchObject({ counts: { DONE: 1, FAILED: 1 }, error: null });
    const names = ['shop', ...keep].join(', ');
    const types = (table: string) =>
      project.query(`SELECT column_name, column_type FROM (DESCRIBE SELECT ${names} FROM ${table})`);
    expect(await types('carried')).toEqual(await types('typed'));
    expect(await project.query(`SELECT ${names} FROM carried EXCEPT SELECT ${names} FROM typed`)).toEqual([]);
    expect(
      await project.query('SELECT row_id::INTEGER AS row_id, prediction::INTEGER AS n FROM carried'),
    ).toEqual([{ row_id: 1, n: 1 }]);
  });
});
