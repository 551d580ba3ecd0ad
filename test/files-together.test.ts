/** Small files are read many at a time, which must give what each gives by itself. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance, DuckDBResult } from '@duckdb/node-api';
import type { Column } from '../src/core/plan';
import type { PinnedFile } from '../src/core/unit-plan';
import { commonDialect, dialectOf } from '../src/duckdb/csv-dialect';
import { openDatabase } from '../src/duckdb/database';
import { describeColumns } from '../src/duckdb/describe-columns';
import { columnsOfFiles, selectFiles } from '../src/duckdb/file-columns';
import { readerSql } from '../src/duckdb/file-reader';
import { plainColumns } from '../src/duckdb/plain-columns';
import { unfitColumns } from '../src/duckdb/unfit-columns';
import { sha256Of } from '../src/files/digest';
import { UnitFiles } from '../src/functions/unit-files';
import type { PartitionRows } from '../src/rows/partition-rows';
import { addRows, allRows, columnsOf, rowsOf, shapeOf } from '../src/rows/slices';

let folder: string;
let database: DuckDBInstance;
let connection: DuckDBConnection;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'partwise-together-'));
  database = await openDatabase({ memoryBytes: 500_000_000, tempFolder: folder });
  connection = await database.connect();
});
afterAll(() => {
  connection.closeSync();
  database.closeSync();
  rmSync(folder, { recursive: true });
});

/** Numbers from 0 (inclusive) to `n`, the same for a seed. */
function random(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * n);
  };
}

const VALUES: readonly (readonly string[])[] = [
  ['1', '-7', '0', '900719925474099312', ''],
  ['1.5', '2', '1e5', '-0.25', ''],
  ['12345678901234567890.12', '0.10', '3', ''],
  ['true', 'false', 'T', 'F', '1', ''],
  ['2024-01-02', '2024-12-31', '', '01/02/2024', '13/02/2024'],
  ['2024-01-02 10:00:00', '2024-01-02T10:00:00Z', '10:00:00', ''],
  ['x', 'ä ö', ' padded ', '007', 'NULL', 'nan', '-', ''],
  ["it's", "O'Brien", "l'été", "rock'n'roll", "5'10", 'x y', ''],
  ["it's", "O'Brien 'so'", "'x'", "'", "a,'b", `say ""it's""`, 'x y', ''],
  ['a,b', 'say ""hi""', "it's", 'one;two', '#no', 'back\\slash', 'two\nlines', 'a|b', ''],
];

/** A set of CSV files that may be partitions of one run. */
function oddFiles(seed: number): Map<string, Buffer> {
  const r = random(seed);
  const pick = <T>(of: readonly T[]): T => of[r(of.length)]!;
  const kinds = Array.from({ length: 1 + r(4) }, (_, i) => ({ name: `c${i}`, values: pick(VALUES) }));
  const isPlain = r(3) === 0;
  const hasFolders = r(8) === 0;
  const files = new Map<string, Buffer>();
  for (let i = 0, count = 2 + r(6); i < count; i++) {
    const delimiter = isPlain ? ',' : pick([',', ',', ';', '\t', '|']);
    const newline = isPlain ? '\n' : pick(['\n', '\n', '\r\n']);
    const quoting = isPlain ? 'none' : pick(['none', 'needed', 'all', 'words']);
    const columns = kinds.filter(() => r(8) > 0);
    if (columns.length === 0) columns.push(kinds[0]!);
    if (r(4) === 0) columns.reverse();
    const field = (text: string): string => {
      const must = /[",;|\t\n]/.test(text);
      if (quoting === 'none') return text.replace(/[",;|\t\n]/g, '-');
      return quoting === 'all' || (quoting === 'words' && /[a-z]/.test(text)) || must ? `"${text}"` : text;
    };
    const lines = Array.from({ length: pick([0, 1, 1, 2, 5, 20]) }, () =>
      columns.map(({ values }) => field(pick(values))).join(delimiter),
    );
    const isUpper = r(6) === 0;
    const header = columns.map(({ name }) => field(isUpper ? name.toUpperCase() : name)).join(delimiter);
    if (r(10) > 0) lines.unshift(header);
    const text = lines.join(newline) + (r(3) === 0 ? '' : newline) + (r(20) === 0 ? newline : '');
    const content = Buffer.from(!isPlain && r(12) === 0 ? `\uFEFF${text}` : text);
    const isZipped = !isPlain && r(10) === 0;
    const folderName = hasFolders && r(4) > 0 ? `p=${r(3)}/` : '';
    files.set(`${folderName}f${i}.csv${isZipped ? '.gz' : ''}`, isZipped ? gzipSync(content) : content);
  }
  return files;
}

/** Values of one type, and such as look like them. */
const KINDS: readonly (readonly [plain: readonly string[], near: readonly string[]])[] = [
  [
    ['0', '1', '-7', '42', '999999999999999999', ''],
    ['007', '+1', ' 1', '-0', '1e5', '12345678901234567890', '1_000', 'true'],
  ],
  [
    ['1.5', '-0.25', '100.00', '7', ''],
    ['1.', '.5', '01.5', '1e5', 'nan', '-', '12345678901234567890.5'],
  ],
  [
    ['2024-01-02', '1999-12-31', '0001-01-01', ''],
    ['2024-13-01', '20240102', '2024-1-2', '10000-01-01', 'infinity', '1/2/2024', '2024-01-02 10:00:00'],
  ],
  [
    ['2024-01-02 10:00:00', '1970-01-01 00:00:00', ''],
    ['2024-01-02', '2024-01-02T10:00:00Z', '2024-01-02 25:00:00', '10:00:00'],
  ],
  [
    ['customer 5', 'x', 'ä ö', 'Jan 2', '(none)', ''],
    ['true', '5', 'null', '2024-01-02', '"it, too"'],
  ],
  [
    ["O'Brien", "it's", 'x', ''],
    ["'x'", "5'10", "'", "1'000", 'null'],
  ],
  [
    ['true', 'false', ''],
    ['T', 'no', '1', 'x'],
  ],
  [[''], ['1', 'x']],
];

/** A set of CSV files most of which have the same header, and values of one type in each column. */
function likeFiles(seed: number): Map<string, Buffer> {
  const r = random(seed);
  const pick = <T>(of: readonly T[]): T => of[r(of.length)]!;
  const columns = Array.from({ length: 1 + r(3) }, (_, i) => {
    const name = pick(['id', 't', 'nan', 'Order Date', 'amount (%)', 'é']) + (i === 0 ? '' : String(i));
    const [plain, near] = pick(KINDS);
    return { name: r(8) === 0 ? `"${name}"` : name, plain, near: r(3) === 0 ? [pick(near)] : plain };
  });
  const line = (fields: string[]): string =>
    fields.length === 1 && fields[0] === '' ? '""' : fields.join(',');
  const files = new Map<string, Buffer>();
  for (let i = 0, count = 1 + r(4); i < count; i++) {
    const own = r(12) === 0 ? [...columns].reverse() : columns;
    const rows = Array.from({ length: pick([0, 1, 2, 5, 20]) }, () =>
      line(own.map(({ plain, near }) => pick(r(8) === 0 ? near : plain))),
    );
    const text = [own.map(({ name }) => name).join(','), ...rows, ''].join('\n');
    files.set(`${r(12) === 0 ? 'p=1/' : ''}f${i}.csv`, Buffer.from(text));
  }
  return files;
}

/** A set of JSON files that may be partitions of one run. */
function oddRecords(seed: number): Map<string, Buffer> {
  const r = random(seed);
  const pick = <T>(of: readonly T[]): T => of[r(of.length)]!;
  const values = [
    ['1', '2.5', '12345678901234567890', 'null', '1e300'],
    ['"x"', '"2024-01-02"', '"10:00:00"', 'null', '"ä"'],
    ['{"a":1}', '{"a":1.5,"b":null}', '{}', 'null'],
    ['[1,2]', '[]', '[null]', '["x"]'],
    ['true', 'false', 'null', '1'],
  ];
  const kinds = Array.from({ length: 1 + r(3) }, (_, i) => ({ name: `c${i}`, values: pick(values) }));
  const files = new Map<string, Buffer>();
  for (let i = 0, count = 2 + r(4); i < count; i++) {
    const records = Array.from({ length: pick([0, 1, 2, 5]) }, () => {
      const fields = kinds.filter(() => r(8) > 0).map(({ name, values: of }) => `"${name}":${pick(of)}`);
      return `{${(r(4) === 0 ? fields.reverse() : fields).join(',')}}`;
    });
    const isList = r(3) === 0;
    files.set(`f${i}.json`, Buffer.from(isList ? `[${records.join(',')}]` : records.join('\n')));
  }
  return files;
}

function write(name: string, files: ReadonlyMap<string, Buffer>): string[] {
  const place = mkdtempSync(join(folder, `${name}-`));
  return [...files].map(([file, content]) => {
    mkdirSync(dirname(join(place, file)), { recursive: true });
    writeFileSync(join(place, file), content);
    return join(place, file);
  });
}

function pin(path: string): PinnedFile {
  const content = readFileSync(path);
  return { path, bytes: content.length, modifiedMs: statSync(path).mtimeMs, sha256: sha256Of(content) };
}

/** The rows, to the type. Objects of the test's realm and of the library's are compared as text. */
const shown = (rows: unknown, columns: readonly Column[]): string =>
  JSON.stringify([columns, rows], (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    return Object.is(value, -0) ? '-0' : typeof value === 'number' ? `#${value}` : value;
  });

async function shownResult(result: DuckDBResult): Promise<string> {
  const shape = shapeOf(result, 0);
  return shown(await rowsOf(result, shape), columnsOf(shape));
}

async function heldRows(rows: PartitionRows): Promise<string> {
  const { slices, shape } = await rows.held()!;
  const all: object[] = [];
  for (const slice of slices) addRows(slice, shape, all as never);
  return shown(all, columnsOf(shape));
}

async function sqlRows(rows: PartitionRows): Promise<string> {
  const result = await connection.run(await rows.view(connection));
  return shownResult(result);
}

/** What a file gives by itself, as DuckDB finds it. */
async function alone(path: string, columns: Column[]): Promise<string> {
  const result = await connection.run(await selectFiles(connection, [path], columns));
  return shownResult(result);
}

const rowsIn = (text: string): number => (JSON.parse(text) as [unknown, unknown[]])[1].length;

const settled = (work: Promise<string>): Promise<string> =>
  work.catch((error: unknown) => `failed: ${(error as Error).message}`);

/** The seeds of one test: the suite's own, or as many as wanted from the environment. */
const FIRST = Number(process.env['SEED'] ?? 1);
const seeds = (few: number): number[] =>
  Array.from({ length: Number(process.env['SEEDS'] ?? few) }, (_, i) => FIRST + i);

describe('files of odd kinds', () => {
  it.each([
    ['CSV', oddFiles],
    ['JSON', oddRecords],
  ])('give the same rows and types together as by themselves: %s', async (_, make) => {
    let compared = 0;
    const differences: string[] = [];
    for (const seed of seeds(60)) {
      const paths = write(`odd-${seed}`, make(seed));
      const planned = await columnsOfFiles(connection, paths).catch(() => null);
      if (planned === null || planned.columns.length === 0) continue;
      const { columns } = planned;
      const expected: string[] = [];
      for (const path of paths) expected.push(await settled(alone(path, columns)));
      const counts = expected.map((text) => (text.startsWith('failed') ? 1 : rowsIn(text)));
      const ordinals = paths.map((__, i) => i);
      const unit = new UnitFiles(database, columns, ordinals, paths.map(pin), (i) => counts[i]!);
      for (const i of ordinals) {
        const partition = unit.partition({ ordinal: i });
        for (const read of [heldRows, sqlRows]) {
          compared++;
          const found = await settled(read(partition));
          if (found !== expected[i]) differences.push(`${paths[i]} ${read.name}:\n${found}\n${expected[i]}`);
        }
      }
    }
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(100);
  });

  it('have the dialect that DuckDB finds, where it is not left to DuckDB', async () => {
    let known = 0;
    let withApostrophes = 0;
    const differences: string[] = [];
    const read = async (from: string): Promise<string> =>
      shown(
        await allRows(await connection.run(`SELECT * FROM ${from}`)),
        await describeColumns(connection, from),
      );
    // Messages also say who chose the dialect.
    const firstLine = (text: string): string => text.split('\n', 1)[0]!;
    for (const path of seeds(60).flatMap((seed) => write(`dialect-${seed}`, oddFiles(seed)))) {
      const content = readFileSync(path);
      const dialect = dialectOf(path, content);
      if (dialect === null || dialect.delimiter === null) continue;
      known++;
      if (content.includes("'")) withApostrophes++;
      const ours = firstLine(await settled(read(readerSql([path], { dialect }))));
      const theirs = firstLine(await settled(read(readerSql([path]))));
      if (ours !== theirs) differences.push(`${path} ${JSON.stringify(dialect)}:\n${ours}\n${theirs}`);
    }
    expect(differences).toEqual([]);
    expect(known).toBeGreaterThan(50);
    expect(withApostrophes).toBeGreaterThan(5);
  });

  it('are left to DuckDB if a single quote may be more than an apostrophe', () => {
    const isKnown = (text: string): boolean =>
      (dialectOf('a.csv', Buffer.from(text))?.delimiter ?? null) !== null;
    expect(isKnown("name,at\nO'Brien,5'10\n")).toBe(true);
    for (const field of ["'x'", "'x", "x'", "it's 'so'", `"it's"`])
      expect([field, isKnown(`name,at\n${field},1\n`)]).toEqual([field, false]);
  });

  it.each<[string, string[], string]>([
    ['with digits around apostrophes', [`"5'10",x`, `"6'01","y, z"`], "5'10 6'01"],
    ['with apostrophes in words', [`"O'Brien","x"`, `"l'été","say ""hi"""`], "O'Brien l'été"],
    ['with a field of two lines', [`"5'10","x\ny"`, `"6'01",z`], "5'10 6'01"],
    ['of another delimiter', [`"5'10";x`, `"6'01";"y, z"`], "5'10 6'01"],
  ])('keep apostrophes in quoted fields, which DuckDB may take for escapes: %s', async (_, rows, heights) => {
    const delimiter = rows[0]!.includes(';') ? ';' : ',';
    for (const [lineEnd, times] of [
      ['\n', 1],
      ['\r\n', 1],
      // Too large to be read whole.
      ['\n', 60_000],
    ] as const) {
      const lines = Array.from({ length: times }, () => rows).flat();
      const content = Buffer.from([`height${delimiter}name`, ...lines, ''].join(lineEnd));
      const files = new Map([
        ['a.csv', content],
        ['b.csv', content],
      ]);
      const paths = write(`quoted-${times}`, files);
      const { columns, dialect } = await columnsOfFiles(connection, paths);
      expect(columns[0]).toEqual({ name: 'height', type: 'VARCHAR' });
      const table = readerSql(paths, { columns, dialect });
      for (const from of [table, `(${await selectFiles(connection, paths, columns)})`]) {
        const found = await connection.runAndReadAll(`SELECT DISTINCT height FROM ${from} ORDER BY height`);
        expect(found.getRows().flat()).toEqual(heights.split(' ').sort());
      }
    }
  });

  it('leave quotes to DuckDB where backslashes or single quotes may have a meaning', () => {
    for (const field of [`"say \\"it's\\""`, `"it's",'x'`, `5'10"`, `"it's" so`])
      expect([field, dialectOf('a.csv', Buffer.from(`name,at\n${field},1\n`))]).toEqual([field, null]);
  });

  it('are read as DuckDB reads them where nothing is left to detect, whatever their types', async () => {
    let known = 0;
    const differences: string[] = [];
    const read = (from: string): Promise<string> => settled(connection.run(`FROM ${from}`).then(shownResult));
    for (const path of seeds(60).flatMap((seed) =>
      write(`header-${seed}`, (seed % 2 === 0 ? likeFiles : oddFiles)(seed)),
    )) {
      const dialect = dialectOf(path, readFileSync(path));
      if (dialect?.header == null) continue;
      for (const type of ['VARCHAR', 'BIGINT', 'DOUBLE', 'DECIMAL(18,2)', 'BOOLEAN', 'DATE', 'TIMESTAMP']) {
        const columns = dialect.header.map((name) => ({ name, type }));
        const ours = await read(readerSql([path], { columns, dialect }));
        const theirs = await read(readerSql([path], { columns, dialect: { ...dialect, header: null } }));
        known++;
        const isSame = ours === theirs || (ours.startsWith('failed') && theirs.startsWith('failed'));
        if (!isSame) differences.push(`${path} ${type}:\n${ours}\n${theirs}`);
      }
    }
    expect(differences).toEqual([]);
    expect(known).toBeGreaterThan(100);
  });

  it('have the types that DuckDB finds, where they are not left to DuckDB', async () => {
    let known = 0;
    const differences: string[] = [];
    for (const seed of seeds(200)) {
      const files = write(`types-${seed}`, likeFiles(seed));
      const filled = files.filter((path) => readFileSync(path).toString().trim() !== '');
      const dialect = filled.length === 0 ? null : await commonDialect(filled);
      const { columns } = await plainColumns(connection, { files: filled, dialect });
      if (columns === null) continue;
      known++;
      const detecting = { files: filled, dialect: null, texts: null };
      const theirs = await describeColumns(connection, readerSql(filled));
      const unfit = await unfitColumns(connection, detecting, theirs);
      if (shown(columns, []) !== shown(theirs, []) || unfit.length > 0)
        differences.push(`${files[0]}: ${shown(columns, theirs)} ${String(unfit)}`);
    }
    expect(differences).toEqual([]);
    expect(known).toBeGreaterThan(10);
  });
});

describe('a file that cannot be read with the others', () => {
  const columns: Column[] = [{ name: 'n', type: 'BIGINT' }];
  const unitOf = (files: Record<string, string>): { paths: string[]; unit: UnitFiles } => {
    const paths = write(
      'few',
      new Map(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)])),
    );
    return {
      paths,
      unit: new UnitFiles(
        database,
        columns,
        paths.map((_, i) => i),
        paths.map(pin),
        () => 1,
      ),
    };
  };
  const rowsOf = (unit: UnitFiles, ordinal: number): Promise<string> =>
    settled(heldRows(unit.partition({ ordinal })));
  const row = (n: number): string => shown([{ n }], columns);

  it('fails alone, with its own message', async () => {
    const { paths, unit } = unitOf({ 'a.csv': 'n\n1\n', 'b.csv': 'n\nx\n', 'c.csv': 'n\n3\n' });
    const own = await settled(alone(paths[1]!, columns));
    expect(own).toMatch(/^failed: Conversion Error/);
    expect(await rowsOf(unit, 0)).toBe(row(1));
    expect(await rowsOf(unit, 1)).toBe(own);
    expect(await rowsOf(unit, 2)).toBe(row(3));
    expect(await settled(sqlRows(unit.partition({ ordinal: 1 })))).toBe(own);
    expect(await settled(sqlRows(unit.partition({ ordinal: 2 })))).toBe(row(3));
  });

  it('is refused alone if it has changed, even if the function handles the error (I1)', async () => {
    const { paths, unit } = unitOf({ 'a.csv': 'n\n1\n', 'b.csv': 'n\n2\n', 'c.csv': 'n\n3\n' });
    writeFileSync(paths[1]!, 'n\n7\n');
    expect(await rowsOf(unit, 0)).toBe(row(1));
    expect(await rowsOf(unit, 1)).toContain(`"${paths[1]}" has changed since the run was planned`);
    writeFileSync(paths[1]!, 'n\n2\n');
    await expect(unit.partition({ ordinal: 1 }).assertUnchanged()).rejects.toThrow('its content differs');
    expect(await rowsOf(unit, 2)).toBe(row(3));
  });

  it('is refused if it changed after it was read, or if nothing was asked about it (I1)', async () => {
    const { paths, unit } = unitOf({ 'a.csv': 'n\n1\n', 'b.csv': 'n\n2\n', 'c.csv': 'n\n3\n' });
    expect(await rowsOf(unit, 0)).toBe(row(1));
    for (const path of [paths[1]!, paths[2]!]) writeFileSync(path, 'n\n70\n');
    expect(await rowsOf(unit, 1)).toBe(row(2));
    for (const ordinal of [1, 2])
      await expect(unit.partition({ ordinal }).assertUnchanged()).rejects.toMatchObject({
        name: 'SourceChanged',
      });
    await unit.partition({ ordinal: 0 }).assertUnchanged();
  });

  it('is read by itself if it has another number of rows than the plan', async () => {
    const { unit } = unitOf({ 'a.csv': 'n\n1\n', 'b.csv': 'n\n2\n2\n' });
    expect(await rowsOf(unit, 0)).toBe(row(1));
    expect(await rowsOf(unit, 1)).toBe(shown([{ n: 2 }, { n: 2 }], columns));
  });
});
