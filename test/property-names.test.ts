/** Columns named like properties that every object has, from the source to the output table. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeProject, type TestProject } from './support/project';
import { describeSnowflake, startSnowflake, type TestSnowflake } from './support/snowflake';

const NAMES = Object.getOwnPropertyNames(Object.prototype);

type Entry = [name: string, value: string | number];

const entriesOf = (names: readonly string[]): Entry[] =>
  names.map((name, i) => [name, i % 2 === 0 ? `v-${name}` : i]);

/** Two partitions with one row each. */
function tableOf(entries: readonly Entry[]): string[] {
  const columns = entries.map(
    ([name, value]) => `"${name}" ${typeof value === 'string' ? 'VARCHAR' : 'INTEGER'}`,
  );
  const values = entries.map(([, value]) => (typeof value === 'string' ? `'${value}'` : value)).join(', ');
  return [
    `CREATE TABLE named (k VARCHAR, ${columns.join(', ')})`,
    `INSERT INTO named VALUES ('a', ${values}), ('b', ${values})`,
  ];
}

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';

export const repeats = definePartitionFunction({
  name: 'repeats',
  async run(data, { upload, withConnection, partitionId }) {
    const rows = await data.rows();
    const queried = await withConnection(({ query }) => query('SELECT * FROM named WHERE k = ?', [partitionId]));
    await upload('seen.json', [rows, queried, await data.sql\`SELECT * FROM data\`].map((each) => Object.entries(each[0])));
    return rows;
  },
});
`;

function keepsNames(all: readonly Entry[], projectOf: () => TestProject): void {
  it('keeps the values of such columns in rows, queries, artifacts, results and the output table', async () => {
    const project = projectOf();
    const input = {
      source: { table: 'named' },
      partitionBy: ['k'],
      output: { table: 'named_again' },
      function: 'repeats',
    };
    const run = await project.partwise.start(input, { runId: project.runId('named') });
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', error: null });
    const entries = [['k', 'a'], ...all];
    expect(await run.partition('a').artifacts.get('seen.json')).toEqual([entries, entries, entries]);
    const rows = await run.results();
    expect(rows.map((row) => Object.entries(row))).toEqual([entries, [['k', 'b'], ...all]]);
    const again = await project.partwise.start(
      {
        ...input,
        source: { table: 'named_again' },
        function: 'sql',
        sql: 'SELECT * FROM data',
        output: undefined,
      },
      { runId: project.runId('named') },
    );
    expect(await again.wait()).toMatchObject({ status: 'SUCCESS', error: null });
    expect(await again.results()).toEqual(rows);
  });

  it('accepts one of them as the key', async () => {
    const project = projectOf();
    for (const [name] of all.filter(([each]) => /^(constructor|__proto__)$/.test(each))) {
      const run = await project.partwise.start(
        {
          source: { table: 'named' },
          partitionBy: [name],
          function: 'sql',
          sql: 'SELECT count(*) AS n FROM data',
        },
        { runId: project.runId('named') },
      );
      expect(await run.wait()).toMatchObject({ status: 'SUCCESS', error: null });
      const [row] = await run.results();
      expect(Object.entries(row!)).toEqual([all.find(([each]) => each === name), ['n', 2]]);
    }
  });
}

describe('on DuckDB', () => {
  const entries = entriesOf(NAMES);
  let project: TestProject;
  beforeAll(async () => {
    project = await makeProject(FUNCTIONS);
    await project.execute(...tableOf(entries));
    await project.startWorker();
  });
  afterAll(() => project.close());
  keepsNames(entries, () => project);
});

describeSnowflake('on Snowflake', () => {
  // Plain names, which are upper case in Snowflake and lower case here. Its driver does not support the
  // others.
  const entries = entriesOf(NAMES.map((name) => name.toLowerCase()));
  let snowflake: TestSnowflake;
  let project: TestProject;
  beforeAll(async () => {
    snowflake = await startSnowflake();
    await snowflake.execute(
      'CREATE STAGE runs',
      ...tableOf(entries.map(([name, value]) => [name.toUpperCase(), value])),
    );
    project = await makeProject(FUNCTIONS, {
      config: { warehouse: `snowflake:${snowflake.connection}`, stage: `@${snowflake.schema}.RUNS/p` },
    });
    await project.startWorker();
  });
  afterAll(async () => {
    await project.close();
    await snowflake.close();
  });
  keepsNames(entries, () => project);
});
