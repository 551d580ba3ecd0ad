/** Models on their own: their parts, and calls without a server. */
import { expect, it } from '@jest/globals';
import { definePartitionModel } from '../src/models/define';
import { calendarFeatures } from '../src/models/learner/calendar';
import { keptModel } from '../src/runners/node/kept-models';
import { forecastPicture } from '../src/models/learner/picture';
import { gradientBoostedTrees } from '../src/models/learner/gradient-boosted-trees';
import { runPartitionFunction } from '../src/testing';

const rows = [
  { day: 1, amount: 1 },
  { day: 2, amount: 3 },
  { day: null, amount: 8 },
];
const mean = definePartitionModel({
  name: 'mean',
  async train(data) {
    const [row] = await data.sql<{
      mean: number;
    }>`WITH own AS (SELECT * FROM data) SELECT avg(amount) AS mean FROM own;`;
    return { mean: row!.mean, seen: [data.rowCount, (await data.columns<{ day: unknown[] }>()).day.length] };
  },
  predict: (model, data) => Array.from({ length: data.rowCount }, () => model.mean),
});

it('trains on rows that are not held out, including those for which the condition is NULL', async () => {
  const { rows: found, uploads } = await runPartitionFunction(mean.train, {
    rows,
    key: { shop: 'a' },
    model: { holdout: 'day >= 2' },
  });
  expect(found).toEqual([{ shop: 'a', trained_rows: 2, model_file: 'model.json', model_bytes: 25 }]);
  expect(JSON.parse(uploads.get('model.json') as string)).toEqual({ mean: 4.5, seen: [2, 2] });
});

it('evaluates a condition once per row, and splits the rows the same way for every reader', async () => {
  const ids = (found: { id: number }[]): number[] => found.map(({ id }) => id);
  const splitting = definePartitionModel<{ rest: number[] }>({
    name: 'splitting',
    async train(data) {
      const rest = ids(await data.rows());
      expect(rest).toHaveLength(data.rowCount);
      expect((await data.columns<{ id: number[] }>()).id).toEqual(rest);
      const chunks: number[] = [];
      for await (const chunk of data) chunks.push(...ids(chunk as { id: number }[]));
      expect(chunks).toEqual(rest);
      expect(ids(await data.sql`SELECT id FROM data`)).toEqual(rest);
      await data.sql`CREATE TEMP TABLE mine AS SELECT * FROM data`;
      expect(ids(await data.sql`SELECT id FROM mine ORDER BY id`)).toEqual(rest);
      return { rest };
    },
    predict: (model) => model.rest,
    async metrics(model, data) {
      const held = ids(await data.sql`SELECT id FROM data`);
      expect(ids(await data.rows())).toEqual(held);
      expect([...held, ...model.rest].sort((a, b) => a - b)).toEqual(many.map(({ id }) => id));
      return { held: held.length };
    },
  });
  const many = Array.from({ length: 5_000 }, (_, id) => ({ id }));
  const { rows: found } = await runPartitionFunction(splitting.train, {
    rows: many,
    key: { shop: 'a' },
    model: { holdout: 'random() < 0.3' },
  });
  expect(Number(found[0]!.held) + Number(found[0]!.trained_rows)).toBe(5_000);
});

it('reports that all rows are held out', async () => {
  const call = runPartitionFunction(mean.train, { rows, key: { shop: 'a' }, model: { holdout: 'true' } });
  await expect(call).rejects.toThrow('All rows of the partition "a" are held out');
});

it('keeps a model as it was read, whatever a call does with it I5', async () => {
  const plain = { rates: [1, { a: 2 }] };
  const load = (model: unknown) => () => Promise.resolve({ model, bytes: 1 });
  const model = (await keptModel('plain', load(plain))) as typeof plain;
  expect(() => model.rates.push(3)).toThrow('not extensible');
  expect(() => (model.rates[1] = { a: 3 })).toThrow('read only');
  const bytes = (await keptModel('bytes', load(new Uint8Array([1, 2])))) as Uint8Array;
  bytes.fill(0);
  expect(await keptModel('bytes', load(null))).toEqual(new Uint8Array([1, 2]));
  class Model {
    calls = 0;
  }
  const own = (await keptModel('own', load(new Model()))) as Model;
  expect(++own.calls).toBe(1);
});

it('predicts with a model that a test gives', async () => {
  const { rows: found } = await runPartitionFunction(mean.predict, {
    rows,
    key: { shop: 'a' },
    model: { keep: ['DAY'] },
    models: { a: { mean: 7 } },
  });
  expect(found[1]).toEqual({ shop: 'a', row_id: 1, day: 2, prediction: 7, model_partition: 'a' });
  expect(found[2]).toEqual({ shop: 'a', row_id: 2, day: null, prediction: 7, model_partition: 'a' });
});

it('refuses predictions that are not one per row, and columns that do not exist', async () => {
  const short = definePartitionModel({ name: 'short', train: () => 1, predict: () => [1] });
  const call = { rows, key: { shop: 'a' }, models: { a: 1 } };
  await expect(runPartitionFunction(short.predict, call)).rejects.toThrow(
    'predict returned 1 items for 3 rows',
  );
  const kept = runPartitionFunction(mean.predict, {
    ...call,
    model: { keep: ['dya'] },
    models: { a: { mean: 1 } },
  });
  await expect(kept).rejects.toThrow('names "dya", which the source does not have');
});

it.each([
  [{ name: '1x', train: () => 1, predict: () => [] }, '"name" is "1x"'],
  [{ name: 'x', predict: () => [] }, '"train" of "x" is missing'],
  [{ name: 'x', train: () => 1 }, '"predict" of "x" is missing'],
  [{ name: 'x', train: () => 1, predict: () => [], serde: {} }, '"serde" of "x" is not valid'],
  [{ name: 'x', train: () => 1, predict: () => [], trian: 1 }, 'unknown setting "trian"'],
])('refuses %j', (options, message) => {
  expect(() => definePartitionModel(options as never)).toThrow(message);
});

it.each([
  [{ row_id: 1 }, 'row_id'],
  [{ Model_Partition: 1 }, 'Model_Partition'],
  [{ DAY: 1 }, 'DAY'],
])('refuses predictions that would overwrite a carried column: %j', async (item, name) => {
  const taking = definePartitionModel({ name: 'taking', train: () => 1, predict: () => [item, item, item] });
  const call = runPartitionFunction(taking.predict, {
    rows,
    key: { shop: 'a' },
    model: { keep: ['day'] },
    models: { a: 1 },
  });
  await expect(call).rejects.toThrow(`predict returned "${name}" for row 0`);
});

it('keeps the most recently used decoded models, up to the limit', async () => {
  const loads: string[] = [];
  const take = (key: string): Promise<string | null> =>
    keptModel(key, async () => {
      loads.push(key);
      return { model: key, bytes: 30 * 2 ** 20 };
    });
  for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await take(key);
  expect(loads).toEqual(['a', 'b', 'c', 'b']);
});

it('trains if only one class is known, and reports if none is', async () => {
  const classes = gradientBoostedTrees({ name: 'classes', label: 'kind', features: ['x', 'flag'] });
  const call = (kinds: (string | null)[]) => ({
    rows: kinds.map((kind, x) => ({ x, flag: x % 2 === 0, kind })),
    key: { shop: 'a' },
  });
  const { uploads, rows: metrics } = await runPartitionFunction(classes.train, call(['late', 'late', null]));
  expect(metrics[0]).toMatchObject({ measured_rows: 2, accuracy: 1 });
  const models = { a: uploads.get('model.ydf.zip') };
  const { rows: found } = await runPartitionFunction(classes.predict, { ...call([null, null]), models });
  expect(found.map(({ prediction }) => prediction)).toEqual(['late', 'late']);
  await expect(runPartitionFunction(classes.train, call([null, null]))).rejects.toThrow(
    '"kind" is NULL in all 2 rows',
  );
});

it('reads the calendar in UTC and in a time zone', () => {
  const at = new Date('2013-03-31T23:30:00Z');
  expect(calendarFeatures(at)).toEqual({
    year: 2013,
    month: 3,
    day: 31,
    weekday: 6,
    hour: 23,
    day_of_year: 90,
  });
  expect(calendarFeatures(at, 'Europe/Berlin')).toMatchObject({ month: 4, day: 1, weekday: 0, hour: 1 });
});

it('classifies, with missing values among the features', async () => {
  const trees = gradientBoostedTrees({ name: 't', label: 'big', features: ['n', 'kind'] });
  const many = Array.from({ length: 120 }, (_, n) => ({
    n: n % 10 === 0 ? null : n,
    kind: n % 7 === 0 ? null : 'k',
    big: n > 60 ? 'yes' : 'no',
  }));
  const { uploads, rows: found } = await runPartitionFunction(trees.train, {
    rows: many,
    key: { shop: 'a' },
  });
  expect(found[0]).toMatchObject({ trained_rows: 120, measured_rows: 120 });
  expect(Number(found[0]!.accuracy)).toBeGreaterThan(0.8);
  const { rows: predicted } = await runPartitionFunction(trees.predict, {
    rows: [
      { n: 5, kind: null },
      { n: 110, kind: 'k' },
    ],
    key: { shop: 'a' },
    models: { a: uploads.get('model.ydf.zip') },
  });
  expect(predicted.map(({ prediction }) => prediction)).toEqual(['no', 'yes']);
});

it('draws a forecast, with gaps where values are missing', () => {
  const times = Array.from({ length: 30 }, (_, i) => new Date(Date.UTC(2013, 11, 4, i)));
  const truth = times.map((_, i) => (i === 9 ? null : i));
  const svg = forecastPicture({ title: 'A < B', times, truth, prediction: times.map(() => 3) });
  expect(svg).toContain('A &lt; B');
  expect(svg.match(/<path d="M[^"]*M/g)).toHaveLength(1);
  expect(svg).toContain('2013-12-04');
});
