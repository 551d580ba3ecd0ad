/** The number of statements that a run costs, from the emulator's log. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { EmulatedStatement } from './support/emulator';
import { itLong } from './support/long';
import { makeProject, type TestProject } from './support/project';
import { describeEmulator, startSnowflake, type TestSnowflake } from './support/snowflake';

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';

export const total = definePartitionFunction({
  name: 'total',
  async run(data, context) {
    await context.upload('rows.json', data.rowCount);
    return { rows: data.rowCount };
  },
});
`;

const isTransfer = ({ sql }: EmulatedStatement) => /^(PUT|GET|LIST|REMOVE)\b/.test(sql);
/** The kind of statement, without its objects. */
const kindOf = ({ sql }: EmulatedStatement) =>
  /^\w+(?: (?:INTO|OR|TABLE|TRANSIENT|OBJECTS|TERSE)\b)*/.exec(sql)![0];

type Mode = 'replace' | 'partitions' | 'append';

describeEmulator('statements of a run on Snowflake', () => {
  let snowflake: TestSnowflake;
  let project: TestProject;
  beforeAll(async () => {
    snowflake = await startSnowflake();
    await snowflake.execute(
      'CREATE STAGE runs',
      'CREATE TABLE few AS SELECT (SEQ4() % 3)::NUMBER(38,0) AS k FROM TABLE(GENERATOR(ROWCOUNT => 30))',
      'CREATE TABLE many AS SELECT (SEQ4() % 1200)::NUMBER(38,0) AS k FROM TABLE(GENERATOR(ROWCOUNT => 2400))',
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

  /** The run's statements by step, that is, by activity. */
  async function statementsOf(table: 'few' | 'many', mode: Mode, units: number) {
    const run = await project.partwise.start(
      {
        function: 'total',
        source: { table },
        partitionBy: ['k'],
        output: { table: `${table}_${mode}`, mode },
        options: { partitionsPerUnit: (table === 'few' ? 3 : 1200) / units },
      },
      { runId: project.runId(`${table}-${mode}`) },
    );
    const { status, error } = await run.wait();
    expect({ status, error }).toEqual({ status: 'SUCCESS', error: null });
    const all = (await snowflake.emulator!.history()).filter(({ tag }) => tag.includes(run.runId));
    const of = (step: string) => all.filter(({ tag }) => (JSON.parse(tag) as { step: string }).step === step);
    return {
      open: of('open'),
      plan: of('plan'),
      unit: of('unit'),
      commit: of('commit'),
      close: of('close'),
      all,
    };
  }

  async function areTheSame(mode: Mode): Promise<void> {
    const few = await statementsOf('few', mode, 1);
    const many = await statementsOf('many', mode, 8);
    const queries = (statements: EmulatedStatement[]) =>
      statements.filter((one) => !isTransfer(one)).map(kindOf);
    expect(queries(many.open)).toEqual(queries(few.open));
    expect(queries(many.commit)).toEqual(queries(few.commit));
    expect(many.plan.map(kindOf)).toEqual(few.plan.map(kindOf));
    expect(many.plan.map(kindOf).filter((kind) => kind === 'COPY INTO')).toHaveLength(1);
    expect(many.close.map(kindOf)).toEqual(few.close.map(kindOf));
    // Partitions cost none, units a few transfers.
    expect(queries(many.unit)).toEqual([]);
    expect(queries(few.unit)).toEqual([]);
    expect(many.unit.length).toBeLessThanOrEqual(8 * 14);
    expect(many.commit.filter(isTransfer).length).toBeLessThanOrEqual(
      few.commit.filter(isTransfer).length + 2 * 8,
    );
    // The account shows their purpose and their timeout.
    const steps = new Set(['open', 'plan', 'unit', 'commit', 'close']);
    for (const { tag, timeout } of many.all) {
      expect(timeout).toBeGreaterThan(0);
      expect(JSON.parse(tag)).toMatchObject({ app: 'partwise', attempt: 1 });
      expect(steps).toContain((JSON.parse(tag) as { step: string }).step);
    }
  }

  it('are the same for 3 partitions and 1,200, except for file transfers', () => areTheSame('partitions'));

  itLong.each(['replace', 'append'] as const)(
    'are the same for 3 partitions and 1,200, except for file transfers (mode %s)',
    areTheSame,
  );

  it('are fewer if quick partitions share activities, each of which fetches all its rows together', async () => {
    const run = await project.partwise.start(
      { function: 'total', source: { table: 'many' }, partitionBy: ['k'], where: 'k < 100' },
      { runId: project.runId('joined') },
    );
    expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 100 } });
    const rows = (await run.results())
      .map(({ k, rows: count }) => [k, count] as number[])
      .sort(([a], [b]) => a! - b!);
    expect(rows).toEqual(Array.from({ length: 100 }, (_, k) => [k, 2]));
    const tags = (await snowflake.emulator!.history())
      .filter(({ tag }) => tag.includes(run.runId) && tag.includes('"unit"'))
      .map(({ tag }) => (JSON.parse(tag) as { unit: number }).unit);
    expect(new Set(tags).size).toBeLessThan(100);
  });
});
