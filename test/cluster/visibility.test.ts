/** Lists and filters on PostgreSQL's visibility; those of the suite are in reading-runs.test.ts. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunInput } from '../../src/index';
import { runIds } from '../support/cluster/run-ids';
import { cli } from '../support/cli';
import { makeProject, type TestProject } from '../support/project';
import { until } from '../support/until';

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';
export const count = definePartitionFunction({ name: 'count', run: (data) => ({ n: data.rowCount }) });
`;

const input: RunInput = { function: 'count', source: { table: 't' }, partitionBy: ['k'] };

let project: TestProject;
beforeAll(async () => {
  project = await makeProject(FUNCTIONS);
  await project.execute('CREATE TABLE t AS SELECT 1 AS k');
  await project.startWorker();
});
afterAll(() => project.close());

describe('runs on PostgreSQL', () => {
  // Among them what LIKE and string literals treat specially, and pairs that differ in case or composition.
  const ODD = [
    '50%',
    '50x',
    'a_b',
    'axb',
    "it's",
    'say "so"',
    'back\\slash',
    'CASE',
    'case',
    'caf\u00e9',
    'cafe\u0301',
    '🙂',
    ' x',
  ];

  it('are found and filtered by their ids, whatever characters they contain', async () => {
    const prefix = project.runId('odd');
    const ids = ODD.map((odd) => `${prefix}/${odd}`);
    for (const runId of ids) await (await project.partwise.start(input, { runId })).wait();
    await until(async () => (await runIds(project, { text: prefix })).length === ids.length);
    expect((await runIds(project, { text: prefix })).sort()).toEqual([...ids].sort());
    for (const runId of ids) {
      expect(await runIds(project, { text: runId })).toContain(runId);
      expect(await project.partwise.getRun(runId).status()).toMatchObject({ runId, status: 'SUCCESS' });
    }
    // As completion of a shell asks for them.
    for (const odd of ['50%', 'a_', 'CAS', 'caf\u00e9']) {
      const wanted = ids.filter((id) => id.startsWith(`${prefix}/${odd}`));
      // A server that takes long is not waited for.
      const words = await until(async () => {
        const { stdout } = await cli(project.folder, [
          'completion',
          'words',
          '--',
          'status',
          `${prefix}/${odd}`,
        ]);
        const found = stdout.split('\n').filter((word) => word.startsWith(prefix));
        return found.length > 0 && found;
      });
      expect(words).toEqual(wanted);
    }
  });

  it('are listed page by page, the last one that ended first, each once', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 7; n++) {
      const run = await project.partwise.start(input, { runId: project.runId('paged') });
      await run.wait();
      ids.unshift(run.runId);
    }
    const listed = await until(async () => {
      const seen = (await runIds(project, { limit: 2 })).filter((id) => ids.includes(id));
      return seen.length === ids.length && seen;
    });
    expect(listed).toEqual(ids);
    expect(await runIds(project, { status: 'CANCELLED' })).toEqual([]);
  });
});
