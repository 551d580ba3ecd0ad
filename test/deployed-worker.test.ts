/** A deployed worker, and inputs of users who may only start runs. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunInput } from '../src/index';
import { makeProject, type TestProject } from './support/project';

const FUNCTIONS = `
import { definePartitionFunction, definePartitionModel } from 'partwise';
export const count = definePartitionFunction({ name: 'count', run: (data) => ({ n: data.rowCount }) });
export const lookup = definePartitionFunction({
  name: 'lookup',
  run: (data, { params }) => data.sql\`SELECT name FROM read_csv(\${params.file})\`,
});
export const pushes = definePartitionFunction({
  name: 'pushes',
  run: (data, context) =>
    context.withConnection(({ partition, query }) =>
      query('SELECT * FROM ' + partition.from + ' WHERE ' + partition.where, partition.values),
    ),
});
export const mean = definePartitionModel({
  name: 'mean',
  train: async (data) => ({ rows: data.rowCount }),
  predict: (model, data) => data.rows(),
});
`;

let project: TestProject;
/** Files of another user, outside the project. */
let outside: string;
beforeAll(async () => {
  outside = await mkdtemp(join(tmpdir(), 'partwise-outside-'));
  await writeFile(join(outside, 'secret.csv'), 'name\ntop secret\n');
  project = await makeProject(FUNCTIONS, { config: { allow: { warehouses: [], stages: [] } } });
  await project.execute("CREATE TABLE sales AS SELECT unnest(['North', 'South']) AS region, 1 AS amount");
  await mkdir(join(project.folder, 'data'));
  await project.write('data/a.csv', 'region\nNorth\nSouth\n');
  await project.write('top.csv', 'region\nNorth\n');
  await project.write('.env', 'region\nsecret\n');
  await symlink(outside, join(project.folder, 'data', 'link'));
  await project.startWorker();
});
afterAll(async () => {
  await project.close();
  await rm(outside, { recursive: true, force: true });
});
/** Nothing was written in forbidden places. */
afterEach(() => expect(existsSync(witness())).toBe(false));

const witness = (): string => join(outside, 'witness');
const good: RunInput = { function: 'count', source: { table: 'sales' }, partitionBy: ['region'] };
const sql = (text: string): RunInput => ({ ...good, function: 'sql', sql: text });
const query = (text: string): RunInput => ({ ...good, source: { query: text }, partitionBy: ['region'] });
const run = async (input: unknown) => {
  const workflowId = project.runId('deployed');
  await project.client.workflow.start('partitionedRun', {
    workflowId,
    taskQueue: project.taskQueue,
    args: [input],
  });
  const handle = project.partwise.getRun(workflowId);
  return { handle, state: await handle.wait() };
};
const refusedWith = async (input: unknown, words: string): Promise<void> => {
  const { state } = await run(input);
  expect(state).toMatchObject({ status: 'FAILURE', error: { type: 'InvalidInput' }, counts: { total: 0 } });
  expect(state.error!.message).toMatch(new RegExp(words));
};

describe('files outside the project', () => {
  const secret = (): string => join(outside, 'secret.csv');

  it.each<[string, () => RunInput]>([
    ['the query reads', () => query(`SELECT 'k' AS region, content FROM read_text('${secret()}')`)],
    ['the query names as a table', () => query(`SELECT name AS region FROM '${secret()}'`)],
    [
      'the query reaches by ..',
      () =>
        query(
          `SELECT * FROM read_csv('${project.folder}/data/../../${outside.split('/').at(-1)}/secret.csv')`,
        ),
    ],
    [
      'the query reaches by a link',
      () => query(`SELECT name AS region FROM read_csv('${project.folder}/data/link/secret.csv')`),
    ],
    [
      'the query reaches by a glob through a link',
      () => query(`SELECT name AS region FROM read_csv('${project.folder}/data/*/secret.csv')`),
    ],
    [
      'the condition reads',
      () => ({ ...good, where: `region IN (SELECT name FROM read_csv('${secret()}'))` }),
    ],
    ['the function sql reads', () => sql(`SELECT content FROM read_text('${secret()}')`)],
    ['the table is', () => ({ ...good, source: { table: `"${secret()}"` }, partitionBy: ['name'] })],
    [
      'the condition of a model reads',
      () => ({
        ...good,
        function: 'mean.train',
        model: { holdout: `EXISTS (FROM read_csv('${secret()}'))` },
      }),
    ],
  ])('that %s are refused', async (_, input) => {
    await refusedWith(input(), 'allow.files');
  });

  it.each<[string, () => RunInput]>([
    ['an absolute path', () => ({ ...good, source: { files: secret() }, partitionBy: ['name'] })],
    ['a path through ..', () => ({ ...good, source: { files: '../*.csv' } })],
    ['a link', () => ({ ...good, source: { files: 'data/link/secret.csv' }, partitionBy: ['name'] })],
    ['a hidden name', () => ({ ...good, source: { files: '.env' } })],
  ])('named in source.files by %s are refused', async (_, input) => {
    await refusedWith(input(), '"source.files" is .* allow.files');
  });

  it('matched by source.pattern are refused, and so are matching links', async () => {
    const files = { function: 'count', source: { files: 'data', pattern: '../../*.csv' } };
    await refusedWith(files, '"source.pattern" is "../../\\*.csv", which runs may not read');
    await refusedWith(
      { ...files, source: { files: 'data', pattern: '*/*.csv' } },
      'link/secret.csv" is outside',
    );
  });

  it.each([
    ['an absolute path', () => join(outside, 'witness', 'x.csv')],
    ['a path through ..', () => `../${outside.split('/').at(-1)}/witness/x.parquet`],
    ['a link', () => 'data/link/witness/x.csv'],
    ['a path in the state folder', () => '.partwise/x.csv'],
    ['a path on the stage', () => 'stage/x.parquet'],
  ])('are not written by %s as output.file', async (_, file) => {
    await refusedWith({ ...good, output: { file: file() } }, '"output.file" is .* allow.files');
  });

  it('are not reached by a warehouse or stage that is not configured', async () => {
    await refusedWith({ ...good, warehouse: `duckdb:${witness()}` }, 'allow.warehouses');
    await refusedWith({ ...good, stage: witness() }, 'allow.stages');
  });
});

describe('files inside the project', () => {
  it('are read and written', async () => {
    const read = join(project.folder, 'data', 'a.csv');
    const inputs: RunInput[] = [
      query(`SELECT * FROM read_csv('${read}') -- all of it`),
      { ...good, source: { files: 'data/*.csv' } },
      { ...good, source: { files: '*.csv' }, output: { file: 'out/counts.csv' } },
      { function: 'sql', sql: 'SELECT count(*) AS n FROM data', source: { files: 'data', pattern: '*.csv' } },
      { ...sql(`SELECT count(*) AS n FROM read_csv('${read}')`), output: { table: 'counts' } },
      { ...good, function: 'mean.train', model: { holdout: "region = 'x'" } },
      { ...good, where: "region LIKE '%o%' -- (" },
    ];
    for (const input of inputs) expect((await run(input)).state).toMatchObject({ status: 'SUCCESS' });
    expect(await project.read('out/counts.csv')).toMatch(/^region,n\nNorth,1/);
    expect(await project.query('SELECT n FROM counts')).toEqual([{ n: 2n }, { n: 2n }]);
  });

  it('that are not there are refused as missing, unless they would be hidden', async () => {
    const missing = join(project.folder, 'none.csv');
    for (const input of [query(`FROM '${missing}'`), sql(`FROM '${missing}'`)])
      await refusedWith(input, `There is no file "${missing}" \\(looked for ${missing}\\)`);
    await refusedWith(query(`FROM '${project.folder}/data/none.csv'`), 'No files found');
    await refusedWith(query(`FROM read_text('${project.folder}/.none')`), 'allow.files');
  });

  it('are not read by SQL if they are hidden', async () => {
    await refusedWith(sql(`SELECT * FROM read_text('${project.folder}/.env')`), 'allow.files');
    await refusedWith(
      sql(`SELECT * FROM read_text('${project.folder}/partwise.config.json')`),
      'allow.files',
    );
  });
});

describe('the code of the worker', () => {
  it('reads whatever it wants', async () => {
    const { state } = await run({
      ...good,
      function: 'lookup',
      params: { file: join(outside, 'secret.csv') },
    });
    expect(state.status).toBe('SUCCESS');
  });

  // A path that depends on whether the database is locked down passes the checks, which run in a locked-down
  // one.
  const choice = (): string =>
    `CASE WHEN current_setting('enable_external_access') THEN '${outside}/secret.csv' ELSE '${project.folder}/data/a.csv' END`;

  it('does not make its files readable by SQL passed on from the input', async () => {
    const text = `SELECT 'North' AS region, content FROM read_text(${choice()})`;
    const { handle, state } = await run({ ...query(text), function: 'pushes' });
    expect(state.status).toBe('SUCCESS');
    expect(JSON.stringify(await handle.results())).not.toContain('top secret');
  });

  it('does not make its files readable by the sql function', async () => {
    const { handle, state } = await run(sql(`SELECT content FROM read_text(${choice()})`));
    expect(state.status).toBe('SUCCESS');
    expect(JSON.stringify(await handle.results())).not.toContain('top secret');
  });

  it('does not make its files readable by a condition on the training rows', async () => {
    const holdout = `EXISTS (FROM read_text(${choice()}) WHERE content LIKE '%secret%')`;
    const { state } = await run({ ...good, function: 'mean.train', model: { holdout } });
    expect(state.status).toBe('SUCCESS');
  });
});

/** Conditions that try to do more than filter. `harm`: a statement that leaves a witness wherever it runs. */
const CONDITIONS: [string, (harm: string) => string][] = [
  ['closes its parenthesis', (harm) => `1=1\n); ${harm}; SELECT * FROM (SELECT 1 AS region) WHERE (1=1`],
  ['closes its parenthesis for a UNION', () => '1=1) UNION SELECT * FROM sales WHERE (1=1'],
  ['has a clause after it', () => '1=1 ORDER BY 1'],
  ['has a UNION', () => '1=1 UNION SELECT 1'],
  ['is two', () => '1=1, 2=2'],
  ['is empty', () => '-- nothing'],
  ['hides in dollar quotes', (harm) => `$$x$$ = $$y$$); ${harm}; SELECT ($$`],
  ['hides in dollar quotes with a tag', (harm) => `$a$x$a$ = 'y'); ${harm}; SELECT ($b$`],
  ['escapes a quotation mark', (harm) => `E'\\'' = 'x'); ${harm}; SELECT ('`],
  ['hopes that a backslash escapes', (harm) => `'\\' = 'x'); ${harm}; SELECT ('`],
  ['comments out what follows', () => '1=1 /*'],
  ['nests comments', (harm) => `/* /* */ 1=1); ${harm}; SELECT (1=1 /* */ */`],
  ['has a second statement', (harm) => `1=1; ${harm}`],
  ['begins with a semicolon', (harm) => `; ${harm}`],
  ['is another statement', (harm) => harm],
  ['sets something', () => "1=1); SET temp_directory = '/'; SELECT (1=1"],
  ['is a pragma', () => '1=1); PRAGMA enable_profiling; SELECT (1=1'],
  ['imports', () => "1=1); IMPORT DATABASE '/tmp'; SELECT (1=1"],
  ['attaches', () => "1=1); ATTACH '/tmp/x.duckdb'; SELECT (1=1"],
  ['calls what logs', () => "EXISTS (FROM enable_logging(storage = 'file', storage_path = '/tmp/x'))"],
  ['calls it by query()', () => "EXISTS (FROM query('FROM enable_logging()'))"],
  ...['', '--', '/*', "'", '"', '$$', ';', ' ;--', '\u00a0', '\u2003;', '\u200b', '\ufeff', '\r'].map(
    (tail): [string, (harm: string) => string] => [
      `ends with ${JSON.stringify(tail)} after another statement`,
      (harm) => `1=1); ${harm}; SELECT (1=1 ${tail}`,
    ],
  ),
];

describe('SQL in an input must be a single read-only statement, so it is refused', () => {
  const harm = (): string => `COPY (SELECT 42 AS pwn) TO '${witness()}'`;

  it.each(CONDITIONS)('when a condition %s', async (_, text) => {
    const where = text(harm());
    await refusedWith({ ...good, where }, '"where" is .*, which is not one condition: ');
    await refusedWith(
      { ...good, function: 'mean.train', model: { holdout: where } },
      '"model.holdout" cannot be evaluated',
    );
  });

  it.each<[string, (harm: string) => string]>([
    [
      'closes its parenthesis',
      (text) => `SELECT 1 AS region) AS data; ${text}; SELECT * FROM (SELECT 1 AS region`,
    ],
    ['has a second statement', (text) => `SELECT 1 AS region; ${text}`],
    ['has a second statement after a comment', (text) => `SELECT 1 AS region -- ;\n; ${text}; --`],
    ['is another statement', (text) => text],
    ['is empty', () => '-- nothing'],
    ['comments out what follows', () => 'SELECT 1 AS region /*'],
    ['changes rows', () => 'DELETE FROM sales'],
    ['changes rows in a WITH', () => 'WITH a AS (DELETE FROM sales RETURNING *) SELECT * FROM a'],
    ['calls', () => 'CALL enable_logging()'],
    ['calls what profiles', () => 'SELECT 1 AS region FROM enable_profiling()'],
    ['calls what logs by another name', () => `SELECT 1 AS region FROM main."ENABLE_LOGGING"()`],
    [
      'runs serialized SQL',
      () => `FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1 AS region'))`,
    ],
  ])('when a query %s', async (_, text) => {
    await refusedWith(query(text(harm())), 'DuckDB cannot read the query: ');
    await refusedWith(sql(text(harm())), '"sql" cannot be run: ');
  });

  it('and changes no rows', async () => {
    expect(await project.query('SELECT count(*)::INTEGER AS n FROM sales')).toEqual([{ n: 2 }]);
  });
});
