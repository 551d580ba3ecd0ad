/** Functions with unusual results, errors and artifacts; most of them only in partition `k3`. */
import { definePartitionFunction, type Row } from 'partwise';

const LONE = '😀'.slice(0, 1);
const number = (partitionId: string): number => Number(partitionId.slice(1));

const buffer = Buffer.alloc(4);
const view = new Uint8Array(new SharedArrayBuffer(2));
const object: { k?: number; list: number[] } = { list: [] };
const day = new Date(0);
const row: Record<string, unknown> = { buffer, view, object, day };

/** Reuses the same objects for every call, as fast code does. */
export const reuses = definePartitionFunction({
  name: 'reuses',
  async run(_, { partitionId, upload, heartbeat, params, key }) {
    const k = number(partitionId);
    buffer.writeInt32BE(k);
    view.fill(k);
    object.k = k;
    object.list[0] = k;
    day.setTime(k * 1000);
    row.k = k;
    heartbeat(object);
    const uploads = [
      upload('bytes.bin', buffer),
      upload('value.json', object),
      upload('rows.csv', [{ k, ...object }]),
      upload('own.bin', object, { write: () => buffer }),
    ];
    buffer.fill(255);
    object.k = -1;
    await Promise.all(uploads);
    buffer.writeInt32BE(k);
    object.k = k;
    const seen = (params as { list: number[] }).list.push(k);
    (key as { region: string }).region = 'changed';
    return { ...row, seen };
  },
});

export const changesLater = definePartitionFunction({
  name: 'changesLater',
  run(_, { partitionId }) {
    const inner: Record<string, unknown> = { k: number(partitionId) };
    if (partitionId === 'k3') queueMicrotask(() => setImmediate(() => (inner.circle = inner)));
    return { inner };
  },
});

/** Changes the rows that it is given, and reads them again itself. */
export const changesRows = definePartitionFunction({
  name: 'changesRows',
  async run(data) {
    interface Given {
      amount: number;
      day: Date;
    }
    const digest = async (): Promise<string> => {
      const rows = await data.rows<Given>();
      const columns = await data.columns<{ amount: number[]; day: Date[] }>();
      const text = JSON.stringify([rows, columns]);
      for (const each of rows) {
        each.amount = -1;
        each.day.setTime(0);
      }
      columns.amount.fill(-1);
      for (const each of columns.day) each.setTime(0);
      return text;
    };
    const first = await digest();
    return { isSame: first === (await digest()), region: (await data.rows<{ region: string }>())[0]!.region };
  },
});

const RESULTS: Record<string, () => unknown> = {
  'a lone surrogate in text': () => ({ text: `a${LONE}` }),
  'a lone surrogate deep inside': () => ({ top: { excerpt: [LONE] } }),
  'a lone surrogate in a name': () => ({ top: { [LONE]: 1 } }),
  'a column named by a lone surrogate': () => ({ [LONE]: 1 }),
  'a column named with a NUL': () => ({ 'a\0b': 1 }),
  NaN: () => ({ top: { mean: NaN } }),
  Infinity: () => ({ top: [-Infinity] }),
  'an invalid Date deep inside': () => ({ top: [new Date(NaN)] }),
  'deep nesting': () => {
    let top: unknown = 1;
    for (let i = 0; i < 50_000; i++) top = [top];
    return { top };
  },
  'another key than its own, after the context was changed': () => ({ region: 'other' }),
  'a text that its exact column cannot hold': () =>
    Object.assign([{ v: 1 }], {
      [Symbol.for('partwise.exactColumns')]: { types: { v: 'DATE' }, texts: { v: ['no date'] } },
    }),
  'a row that shows itself as something else': () => ({
    n: 1,
    toJSON() {
      throw new Error('not to be shown');
    },
  }),
};

export const returns = definePartitionFunction({
  name: 'returns',
  run(_, { partitionId, params, key }): Row {
    delete (key as { region?: string }).region;
    const { kind } = params as { kind: string };
    return partitionId === 'k3' ? (RESULTS[kind]!() as Row) : { n: number(partitionId) };
  },
});

const broken = (name: string): Error =>
  Object.defineProperty(new Error('broken'), name, {
    get() {
      throw new Error(`the getter of ${name}`);
    },
  });
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};

const ERRORS: Record<string, () => unknown> = {
  message: () => broken('message'),
  name: () => broken('name'),
  stack: () => broken('stack'),
  cause: () => broken('cause'),
  constructor: () => broken('constructor'),
  nonRetryable: () => broken('nonRetryable'),
  nextRetryDelay: () => broken('nextRetryDelay'),
  'a Proxy': () =>
    new Proxy(new Error('behind a Proxy'), {
      get() {
        throw new Error('the Proxy');
      },
      has() {
        throw new Error('the Proxy');
      },
      getPrototypeOf() {
        throw new Error('the Proxy');
      },
    }),
  'a revoked Proxy': revoked,
  'a symbol': () => Symbol('thrown'),
  'an AggregateError': () =>
    new AggregateError([revoked(), { [Symbol.toPrimitive]: revoked }, broken('message')], 'many'),
  'a message that is no text': () => Object.assign(new Error('x'), { message: revoked() }),
  'a giant message': () => new Error('x'.repeat(50_000_000)),
};

export const throws = definePartitionFunction({
  name: 'throws',
  run(_, { partitionId, params }) {
    const { kind } = params as { kind: string };
    if (partitionId === 'k3') throw ERRORS[kind]!();
  },
});

export const breaksStacks = definePartitionFunction({
  name: 'breaksStacks',
  run(_, { partitionId }) {
    if (partitionId !== 'k3') return;
    Error.prepareStackTrace = () => {
      throw new Error('no trace');
    };
    throw new Error('without a trace');
  },
});

export const uploads = definePartitionFunction({
  name: 'uploads',
  async run(_, { partitionId, params, upload }) {
    const { kind } = params as { kind: string };
    await upload('before.txt', 'x');
    if (partitionId !== 'k3') return;
    if (kind === 'text') await upload('a.txt', `a${LONE}`);
    else if (kind === 'written text') await upload('a.txt', 1, { write: () => `a${LONE}` });
    else if (kind === 'rows') await upload('a.csv', [{ text: LONE }]);
    else if (kind === 'a name') await upload(`${LONE}.txt`, 'x');
    else if (kind === 'a long name') await upload('é'.repeat(101), 'x');
    else await upload('a.json', RESULTS[kind]!());
  },
});

export const beats = definePartitionFunction({
  name: 'beats',
  run(_, { partitionId, params, heartbeat }) {
    if (partitionId === 'k3') heartbeat(RESULTS[(params as { kind: string }).kind]!());
  },
});

/** Columns as they arrive through every API. */
export const repeats = definePartitionFunction({
  name: 'repeats',
  async run(data, { upload, params }) {
    const rows = await data.rows<Record<string, unknown>>();
    const columns = await data.columns();
    const chunks: object[] = [];
    for await (const chunk of data) chunks.push(...chunk);
    const selected = await data.sql`SELECT * FROM data`;
    await upload('rows.json', rows);
    await upload('rows.parquet', rows);
    await upload('params.json', params);
    const shown = [rows, chunks, selected].map((each) => each.map((one) => Object.entries(one as object)));
    await upload('seen.json', { shown, columns: Object.entries(columns) });
    return rows;
  },
});

const TYPES =
  "DATE '2024-01-02' AS day, 2.50::DECIMAL(10,2) AS price, 3::DOUBLE AS ratio, 7::SMALLINT AS small, TIME '10:00:00' AS clock, " +
  "[1, NULL] AS list, [{'at': DATE '2024-01-02', 'it''s': 1.5::DECIMAL(4,1)}] AS structs, MAP {DATE '2024-01-02': 'x'} AS dates, " +
  "TIMESTAMPTZ '2024-01-02 03:04:05+00' AS moment, '{\"a\":[1]}'::JSON AS json";

/** Returns what its query read, in a new row; in partition k3, a price that its type does not hold. */
export const returnsRead = definePartitionFunction({
  name: 'returnsRead',
  async run(data, { partitionId }) {
    const [row] = (await data.sql(Object.assign([`SELECT ${TYPES}`], { raw: [] }) as never)) as Row[];
    return { ...row, ...(partitionId === 'k3' && { price: 2.505 }) };
  },
});

/** Returns times that it has read, under their own and under other names, within others and bound again. */
export const returnsTimes = definePartitionFunction({
  name: 'returnsTimes',
  async run(data, { partitionId }) {
    const rows = await data.sql<Record<'at' | 'early' | 'never' | 'precise', Date>>`
      SELECT '2024-01-02 03:04:05.123456'::TIMESTAMP AS at, '1969-12-31 23:59:59.999999'::TIMESTAMP AS early,
             '2024-01-02 03:04:05.123456+00'::TIMESTAMPTZ AS zoned, '2024-01-02 03:04:05.123456789'::TIMESTAMP_NS AS precise,
             ['2024-01-02 03:04:05.123456'::TIMESTAMP, NULL] AS list, {'at': '2024-01-02 03:04:05.000001'::TIMESTAMP} AS struct,
             'infinity'::TIMESTAMP AS never, '290000-01-02 03:04:05.5'::TIMESTAMP AS late,
             '280000-01-02 (BC) 03:04:05'::TIMESTAMP AS before`;
    const [row] = rows;
    const changed = new Date(row!.at);
    row!.early.setTime(row!.early.getTime() + (partitionId === 'k2' ? 1 : 0));
    const [bound] = await data.sql<{ n: number; m: number }>`
      SELECT count(*) FILTER (${row!.at} = '2024-01-02 03:04:05.123456'::TIMESTAMP AND ${row!.precise} = '2024-01-02 03:04:05.123456789'::TIMESTAMP_NS) AS n,
             count(*) FILTER ('2024-01-02 03:04:05.123456789'::TIMESTAMP_NS IN (SELECT unnest(${[row!.at, row!.precise]}))) AS m`;
    return {
      ...row,
      other: row!.at,
      changed,
      json: { at: row!.at, precise: [row!.precise] },
      ...bound,
      ...(partitionId === 'k3' && { other: row!.precise }),
    };
  },
});

/** Declares its columns; in partition k3, returns `params.kind` for them. */
export const declares = definePartitionFunction({
  name: 'declares',
  output: { day: 'date', total: 'DECIMAL(12,2)', tags: 'text[]', nothing: 'STRUCT(a INT)' },
  run(_, { partitionId, params }) {
    const usual = { day: new Date('2024-01-02'), total: 0.1 + 0.2, tags: ['a', "b's"] };
    if (partitionId !== 'k3') return usual;
    const kinds: Record<string, object> = {
      text: { day: 'yesterday' },
      time: { day: new Date('2024-01-02T10:00:00Z') },
      fraction: { total: 0.123 },
      digits: { total: 12345678901.5 },
      item: { tags: ['a', 1] },
      field: { nothing: { a: 1, b: 2 } },
      other: { comment: 'x' },
    };
    return { ...usual, ...kinds[(params as { kind: string }).kind] };
  },
});

export const returnsWide = definePartitionFunction({
  name: 'returnsWide',
  run: (data) =>
    data.sql<Row>`SELECT 170141183460469231731687303715884105727::HUGEINT AS wide, INTERVAL '-5 minutes' AS ago`,
});
