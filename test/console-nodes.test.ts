/** The console under other versions of Node. Only with `npm run test:long`. */
import { mkdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeLongBrowser, listOf, startConsole } from './support/console';
import { consoleFixture } from './support/console-fixture';
import { GATED_FUNCTIONS, startGated } from './support/gated-runs';
import { installNodes, nodeProgram, OTHER_NODES } from './support/nodes';
import { makeProject, type TestProject } from './support/project';

describeLongBrowser('the console', () => {
  const fixture = consoleFixture();
  let project: TestProject;
  let nodes: string;

  beforeAll(async () => {
    project = await makeProject(GATED_FUNCTIONS);
    nodes = join(project.folder, 'nodes');
    await mkdir(nodes);
    const { code, stderr } = await installNodes(nodes);
    if (code !== 0) throw new Error(`npm could not install Node ${OTHER_NODES.join(' and ')}: ${stderr}`);
    await project.execute("CREATE TABLE t AS SELECT printf('p%02d', i) AS k FROM range(20) _(i)");
    await project.startWorker();
  }, 300_000);

  afterAll(() => project?.close());

  it.each(OTHER_NODES)('is served by Node %i', async (major) => {
    const program = nodeProgram(nodes, major);
    const gated = await startGated(project, `node-${major}`, {
      source: { table: 't' },
      params: { wait: ['p19'], fails: { p03: 'no sales' } },
      options: { toleratedFailures: 1 },
    });
    const served = await startConsole(project.folder, [], {}, program);
    if (process.platform === 'linux') expect(await readlink(`/proc/${served.pid}/exe`)).toBe(program);
    const page = await fixture.newPage();
    await page.goto(listOf(served.url, gated.run.runId));
    await page.getByRole('link', { name: gated.run.runId }).click();
    await gated.untilStarted('p19');
    await page.getByRole('button', { name: 'RUNNING 1' }).waitFor();
    await gated.release();
    await page.getByRole('heading', { name: /PARTIAL_FAILURE/ }).waitFor();
    await page.locator('.group').getByText('no sales').waitFor();
    await page.locator('.grid-row').first().click();
    await page.getByText(gated.run.runId).waitFor();
    await page.getByRole('heading', { name: 'p00' }).waitFor();
    await page.close();
    expect((await served.end()).code).toBe(0);
  });
});
