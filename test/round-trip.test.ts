/**
 * Random tables and files go through a source, a function in a real runner, its result and an output table,
 * and back, and are compared with what DuckDB itself reads: 512 cases, and 2,016 with `npm run test:long`,
 * each a column with a random name, type, values and NULLs, eight of them in each table. All of it follows
 * from the seed.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Refusal } from '../src/core/refusal';
import type { Source } from '../src/core/input';
import { readerSql } from '../src/duckdb/file-reader';
import { identifier, literal } from '../src/duckdb/quote';
import { RunnerPool } from '../src/runners/pool';
import type { FunctionBundle } from '../src/runners/language';
import { openStage } from '../src/stage';
import { openWarehouse } from '../src/warehouse';
import type { PinnedSource, Warehouse } from '../src/warehouse/warehouse';
import { LONG } from './support/long';
import { bundleFixture, makeFolder, run } from './support/runner-unit';

const SEED = 20_261_129;
/** Of each format. */
const TABLES = LONG ? 63 : 16;
const FORMATS = ['table', 'parquet', 'json', 'csv'] as const;
/** Of each table; each is a case. */
const COLUMNS = 8;
/** Differences shown. */
const MAX_DIFFERENT = 5;
type Format = (typeof FORMATS)[number];

let folder: string;
let bundle: FunctionBundle;
let pool: RunnerPool;
let database: DuckDBInstance;
let connection: DuckDBConnection;

beforeAll(async () => {
  folder = makeFolder();
  bundle = await bundleFixture(folder, 'identity-functions.ts');
  pool = new RunnerPool({ size: 1 });
  database = await DuckDBInstance.create(':memory:');
  connection = await database.connect();
  await connection.run("SET TimeZone = 'UTC'");
});
afterAll(async () => {
  connection.closeSync();
  database.closeSync();
  await pool.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A pseudo-random source with some choices on top (a linear congruential generator). */
class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed % 2_147_483_647 || 1;
  }
  below(n: number): number {
    this.#state = (this.#state * 48_271) % 2_147_483_647;
    return Math.floor((this.#state / 2_147_483_647) * n);
  }
  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
  happens(percent: number): boolean {
    return this.below(100) < percent;
  }
}

const NAMES = [
  'v',
  'Amount',
  'net, total',
  'a "quoted" name',
  "it's",
  'constructor',
  '__proto__',
  'toString',
  'select',
  'größe',
  '日付',
  'a.b',
  '1st',
  'x y',
  'ord',
  'rows',
  'filename',
  'key',
  'id',
  'key_0',
  'fingerprint',
  'value?',
  'semi;colon',
];
const TEXTS = [
  '',
  'x',
  'a,b',
  '"',
  "'",
  'x\ny',
  'ü',
  '😀',
  'NULL',
  'null',
  'true',
  '007',
  '1e5',
  '-',
  ' padded ',
  '\t',
  '[1]',
  '{}',
  '%',
];

/** A type, and how to write a random value of it in SQL. */
interface Kind {
  type: string;
  value: (random: Random) => string;
}
const kind = (type: string, values: readonly string[]): Kind => ({
  type,
  value: (random) => `CAST(${literal(random.of(values))} AS ${type})`,
});
const texts: Kind = {
  type: 'VARCHAR',
  value: (random) => literal(random.of(TEXTS)),
};
/** Types whose values JavaScript has exactly. */
const PLAIN: readonly Kind[] = [
  texts,
  kind('BOOLEAN', ['true', 'false']),
  kind('TINYINT', ['-128', '0', '127']),
  kind('INTEGER', ['-2147483648', '0', '7', '2147483647']),
  kind('BIGINT', ['0', '-9223372036854775808', '9007199254740993', '42']),
  kind('UBIGINT', ['0', '18446744073709551615']),
  kind('DOUBLE', ['0.25', '1.5', '-0.1', '1e300', '123456789.125']),
  kind('DATE', ['2024-02-29', '1969-12-31', '0001-01-01']),
  kind('TIMESTAMP', ['2024-02-29 12:34:56.789', '2024-02-29 12:34:56.123456', '1969-12-31 23:59:59.999999']),
  kind('UUID', ['550e8400-e29b-41d4-a716-446655440000']),
];
const INFINITE = kind('TIMESTAMP', ['-infinity', 'infinity', '2024-02-29 12:34:56.123456']);
const INTERVAL = kind('INTERVAL', ['1 month -3 days 00:00:00.123456', '1500 hours']);
/** Types that only SQL carries exactly. */
const SQL_ONLY: readonly Kind[] = [
  ...PLAIN,
  kind('HUGEINT', ['170141183460469231731687303715884105727', '-1', '9007199254740993']),
  kind('FLOAT', ['0.1', '16777216', '-3.25']),
  kind('DECIMAL(9,2)', ['0.10', '-1234567.89']),
  kind('DECIMAL(38,10)', ['1234567890123456789012345678.0123456789', '-0.0000000001']),
  kind('TIME', ['12:34:56.123456', '00:00:00']),
  kind('TIMESTAMP WITH TIME ZONE', ['2024-02-29 12:34:56.5+02']),
  INTERVAL,
  kind('BLOB', ['\\x00\\xFFab', '']),
];

const EXACT: Record<Format, readonly Kind[]> = {
  table: [...SQL_ONLY, INFINITE],
  // Parquet has no such INTERVALs.
  parquet: [...SQL_ONLY.filter((each) => each !== INTERVAL), INFINITE],
  // When it detects types, DuckDB takes them for 1900-01-01.
  json: SQL_ONLY,
  csv: [...SQL_ONLY, INFINITE],
};

function nested(random: Random, kinds: readonly Kind[], depth: number): Kind {
  const inner = (): Kind =>
    depth > 1 && random.happens(50) ? nested(random, kinds, depth - 1) : random.of(kinds);
  const item = inner();
  const maybe = (r: Random, { value, type }: Kind): string => (r.happens(20) ? `NULL::${type}` : value(r));
  if (random.happens(50)) {
    const list = (r: Random): string =>
      `[${Array.from({ length: r.below(4) }, () => maybe(r, item)).join(', ')}]::${item.type}[]`;
    return { type: `${item.type}[]`, value: list };
  }
  const other = inner();
  const type = `STRUCT(a ${item.type}, "b c" ${other.type})`;
  return { type, value: (r) => `{'a': ${maybe(r, item)}, 'b c': ${maybe(r, other)}}::${type}` };
}

interface Table {
  key: { name: string; kind: Kind };
  columns: { name: string; kind: Kind }[];
  /** For each file, a SELECT. */
  files: string[];
}

function randomTable(random: Random, kinds: readonly Kind[], format: Format): Table {
  const names = new Set<string>();
  const freshName = (): string => {
    for (;;) {
      const name = random.of(NAMES);
      if (names.has(name)) continue;
      names.add(name);
      return name;
    }
  };
  const isNested = format !== 'csv';
  const column = (): { name: string; kind: Kind } => ({
    name: freshName(),
    kind: isNested && random.happens(35) ? nested(random, kinds, 2) : random.of(kinds),
  });
  const key = { name: 'k', kind: random.of(PLAIN.filter(({ type }) => type !== 'DOUBLE')) };
  names.add('k');
  const columns = Array.from({ length: COLUMNS }, column);
  const count = format === 'table' ? 1 : 1 + random.below(3);
  const files = Array.from({ length: count }, (_, file) => {
    const own = file === 0 || random.happens(50) ? columns : columns.slice(1 + random.below(COLUMNS - 1));
    const rows = Array.from({ length: 1 + random.below(4) }, () =>
      [key, ...own].map(({ name, kind: { type, value } }, i) => {
        const isNull = random.happens(15) && !(i === 0 && file === 0);
        return `${isNull ? `NULL::${type}` : value(random)} AS ${identifier(name)}`;
      }),
    );
    return rows.map((cells) => `SELECT ${cells.join(', ')}`).join(' UNION ALL ');
  });
  return { key, columns, files };
}

interface Read {
  types: Record<string, string>;
  /** The rows as text, sorted. */
  rows: string[];
  /** Names of the columns that are NULL in every row. */
  empty: string[];
}

async function read(from: string): Promise<Read> {
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${from}`);
  const all = described.getRows() as [string, string][];
  all.sort(([a], [b]) => (a < b ? -1 : 1));
  const cells = all.map(([name]) => `${identifier(name)}::VARCHAR`).join(', ');
  const found = await connection.runAndReadAll(`SELECT ${cells} FROM ${from}`);
  const rows = found.getRows();
  return {
    types: Object.fromEntries(all),
    rows: rows.map((row) => JSON.stringify(row)).sort(),
    empty: all.flatMap(([name], i) => (rows.every((row) => row[i] === null) ? [name] : [])),
  };
}

async function readOutput(path: string): Promise<Read> {
  await connection.run(`ATTACH ${literal(path)} AS w (READ_ONLY)`);
  try {
    return await read('w.out');
  } finally {
    await connection.run('DETACH w');
  }
}

/** Puts the snapshot into files that a runner reads. */
async function put(pinned: PinnedSource, place: string) {
  const stage = openStage(pathToFileURL(mkdtempSync(join(place, 'stage-'))).href);
  const { index, files } = await pinned.put({
    stage,
    folder: '',
    ranges: [{ from: 0, to: pinned.rows.length - 1 }],
  });
  return {
    columns: pinned.columns,
    keyColumns: pinned.keyColumns,
    guesses: pinned.guesses ?? null,
    partitions: pinned.rows.length,
    index: await stage.localFile(index),
    snapshot: await stage.localFile(files[0]!),
  };
}

async function pin(warehouse: Warehouse, source: Source, key: string, place: string) {
  const request = {
    source,
    partitionBy: [key],
    where: null,
    scheduled: null,
    only: null,
    maxPartitions: 1_000,
    scratch: mkdtempSync(join(place, 'scratch-')),
    signal: new AbortController().signal,
  };
  return warehouse.snapshot(request, (pinned) => put(pinned, place));
}

/** Runs a function that returns its rows on every partition; returns the files with them. */
async function returned(
  pinned: Awaited<ReturnType<typeof pin>>,
  isSql: boolean,
  place: string,
): Promise<string[]> {
  const sql = 'SELECT * FROM data';
  const { index, snapshot, columns, keyColumns, partitions } = pinned;
  const ran = await run({
    pool,
    folder: place,
    bundle: isSql ? null : bundle,
    name: isSql ? 'sql' : 'identity',
    ordinals: Array.from({ length: partitions }, (_, ordinal) => ordinal),
    unit: {
      ...(isSql && { function: { name: 'sql', digest: 'sql', bundle: null, sql } }),
      index,
      snapshot: [snapshot],
      columns,
      keyColumns,
      isBatch: partitions > 1,
    },
  });
  for (const { outcome } of ran.ended) expect(outcome.error).toBeNull();
  expect(ran.ended).toHaveLength(partitions);
  return ran.files;
}

async function committed(
  warehouse: Warehouse,
  { keyColumns, index }: Awaited<ReturnType<typeof pin>>,
  files: readonly string[],
  runId: string,
): Promise<void> {
  const task = {
    version: 1 as const,
    runId,
    generation: 1,
    execution: 1,
    stage: 'file:///unused',
    stageToken: 'stage',
    warehouse: warehouse.uri,
    output: { table: 'out', mode: 'replace' as const, evolve: false },
    keyColumns,
    index: { path: '', bytes: 0, sha256: '' },
  };
  await warehouse.commit(task, {
    workflowRunId: `${runId}-1`,
    lineage: `${runId}-1`,
    index,
    rows: files.map((file) => ({ file, except: [] })),
    notDone: [],
    doneAfter: () => [],
    newestExecution: () => Promise.resolve(1),
    signal: new AbortController().signal,
  });
}

/** The columns as DuckDB reads them, but those that are read as text to keep their values. */
async function readByDuckDb(files: string[], changed: readonly string[]): Promise<Read> {
  const detected = await read(readerSql(files));
  if (changed.length === 0) return detected;
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${readerSql(files)}`);
  const columns = (described.getRows() as [string, string][]).map(([name, type]) => ({
    name,
    type: changed.includes(name) ? 'VARCHAR' : type,
  }));
  return read(readerSql(files, { columns }));
}

/**
 * Runs one case; returns why it was refused, or null. With `isAgain`, its output table is the source of
 * another run.
 */
async function roundTrip(
  format: Format,
  seed: number,
  { isSql, isAgain }: { isSql: boolean; isAgain: boolean },
): Promise<string | null> {
  const random = new Random(seed);
  const table = randomTable(random, isSql ? EXACT[format] : PLAIN, format);
  const place = mkdtempSync(join(folder, 'case-'));
  try {
    mkdirSync(join(place, 'in'));
    const path = join(place, 'w.duckdb');
    const files = table.files.map((_, i) => join(place, 'in', `f${i}.${format}`));
    if (format === 'table') {
      await connection.run(`ATTACH ${literal(path)} AS w`);
      await connection.run(`CREATE TABLE w.source AS ${table.files[0]!}`);
      await connection.run('DETACH w');
    } else {
      const options = format === 'csv' ? 'FORMAT csv, HEADER' : `FORMAT ${format}`;
      for (const [i, select] of table.files.entries())
        await connection.run(`COPY (${select}) TO ${literal(files[i]!)} (${options})`);
    }
    const warehouse = openWarehouse(`duckdb:${path}`, place);
    const source: Source = format === 'table' ? { table: 'source' } : { files: `in/*.${format}` };
    let pinned;
    try {
      pinned = await pin(warehouse, source, 'k', place);
    } catch (error) {
      if (error instanceof Refusal) return error.problems.join(' ');
      throw error;
    }
    const changed = (pinned.guesses?.changed ?? []).map(({ name }) => name);
    const expected =
      format === 'table' ? await read(`(${table.files[0]!})`) : await readByDuckDb(files, changed);
    const output = await returned(pinned, isSql, place);
    await committed(warehouse, pinned, output, `run-${seed}`);
    const written = await readOutput(path);
    // What a function returns has no type if it is NULL in every row.
    const untyped = [...changed, ...(isSql ? [] : expected.empty)];
    expect(comparable(written, untyped)).toEqual(comparable(expected, untyped));
    if (!isAgain) return null;
    const again = await pin(warehouse, { table: 'out' }, 'k', place);
    expect(Object.fromEntries(again.columns.map(({ name, type }) => [name, type]))).toEqual(written.types);
    const files2 = await returned(again, isSql, place);
    await committed(warehouse, again, files2, `again-${seed}`);
    expect(await readOutput(path)).toEqual(written);
    return null;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** Types of columns that are read in another way than DuckDB's are not compared, but their text is. */
function comparable({ types, rows }: Read, untyped: readonly string[]): unknown {
  return { types: Object.entries(types).filter(([name]) => !untyped.includes(name)), rows };
}

it.each(FORMATS)(
  'every value and type of a random %s goes through a function into a table and back (I1, I5)',
  async (format) => {
    const refused: string[] = [];
    const different: string[] = [];
    for (let i = 0; i < TABLES && different.length < MAX_DIFFERENT; i++) {
      const seed = SEED + i * 7 + format.length * 1_000_003;
      try {
        // A switch between functions costs a runner, so they take turns only once.
        const refusal = await roundTrip(format, seed, { isSql: i < TABLES / 2, isAgain: i % 5 === 0 });
        if (refusal !== null) refused.push(refusal);
      } catch (error) {
        different.push(`seed ${seed}: ${(error as Error).message}`);
      }
    }
    expect(different).toEqual([]);
    expect(refused).toEqual([]);
  },
  600_000,
);
