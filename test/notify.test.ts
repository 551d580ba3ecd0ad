/** Notifications at the end of a run, received by a real web server and real commands. */
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findNotifier, notify, type EndNotice } from '../src/planning/notifiers';
import type { RunInput, RunState } from '../src/index';
import { makeProject, type TestProject } from './support/project';

const FUNCTIONS = `
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';
export const count = definePartitionFunction({
  name: 'count',
  retry: { maximumAttempts: 1 },
  async run(data, { params, partitionId, signal }) {
    if (params.failing === partitionId) throw new Error('no such luck');
    if (params.wait) await sleep(600_000, undefined, { signal });
    return { n: data.rowCount };
  },
});
`;

let project: TestProject;
let server: Server;
let port: number;
let status = 204;
const taken: { path: string; token: string | undefined; notice: EndNotice }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const { authorization } = request.headers;
      taken.push({ path: request.url!, token: authorization, notice: JSON.parse(body) as EndNotice });
      response.writeHead(status).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
  project = await makeProject(FUNCTIONS);
  await project.execute("CREATE TABLE regions AS SELECT unnest(['a', 'b', 'c']) AS k");
  const config = JSON.parse(await project.read('partwise.config.json')) as object;
  const ops = {
    url: `http://127.0.0.1:${port}/hook?key=canary-in-url`,
    headers: { authorization: 'canary-in-header' },
  };
  const file = { command: `cat > '${join(project.folder, 'notice.json')}'` };
  await writeFile(
    join(project.folder, 'partwise.config.json'),
    JSON.stringify({ ...config, notify: { ops, file } }),
  );
  await project.startWorker();
});
afterAll(async () => {
  await project.close();
  server.close();
});

async function runToEnd(
  input: Partial<RunInput>,
  cancelWhen?: (run: RunState) => boolean,
): Promise<RunState> {
  const run = await project.partwise.start(
    { function: 'count', source: { table: 'regions' }, partitionBy: ['k'], ...input },
    { runId: project.runId('notified') },
  );
  for await (const event of run.events()) {
    if (event.type === 'progress' && cancelWhen?.(event.state)) await run.cancel();
  }
  return run.wait();
}

describe('when a run finishes', () => {
  it("its notifier gets the summary, and the notifier's secret is not in history", async () => {
    const state = await runToEnd({ notify: 'ops', params: { failing: 'b' } });
    expect(taken.at(-1)).toMatchObject({
      path: '/hook?key=canary-in-url',
      token: 'canary-in-header',
      notice: {
        runId: state.runId,
        status: 'PARTIAL_FAILURE',
        summary: { counts: { total: 3, DONE: 2, FAILED: 1 }, firstErrors: [{ id: 'b' }] },
        error: { type: 'PartialFailure' },
      },
    });
    const history = await project.client.workflow.getHandle(state.runId).fetchHistory();
    // I11
    const texts = Buffer.from(JSON.stringify(history)).toString();
    const payloads = [...texts.matchAll(/"data":"([^"]+)"/g)].map(([, data]) =>
      Buffer.from(data!, 'base64').toString(),
    );
    expect([texts, ...payloads].join('\n')).not.toContain('canary');
  });

  it('a command gets it on standard input', async () => {
    const state = await runToEnd({ notify: 'file' });
    const notice = JSON.parse(await readFile(join(project.folder, 'notice.json'), 'utf8')) as EndNotice;
    expect(notice).toMatchObject({
      runId: state.runId,
      status: 'SUCCESS',
      error: null,
      summary: { rows: 3 },
    });
  });

  it('a cancelled or refused run notifies too', async () => {
    await runToEnd({ notify: 'ops', params: { wait: true } }, ({ counts }) => counts.RUNNING > 0);
    expect(taken.at(-1)!.notice).toMatchObject({ status: 'CANCELLED', error: { type: 'Cancelled' } });
    const refused = await runToEnd({ notify: 'ops', source: { table: 'regoins' } });
    expect(taken.at(-1)!.notice).toMatchObject({
      runId: refused.runId,
      status: 'FAILURE',
      summary: null,
      error: { message: expect.stringContaining('Did you mean "regions"?') },
    });
  });

  it('a notification that is not accepted does not affect the run, and is tried three times', async () => {
    status = 500;
    const before = taken.length;
    expect(await runToEnd({ notify: 'ops' })).toMatchObject({ status: 'SUCCESS', error: null });
    status = 204;
    expect(taken.length - before).toBe(3);
  });

  it('a notifier that is not configured is refused with the configured names (I9)', async () => {
    const state = await runToEnd({ notify: 'opps' });
    expect(state.error!.message).toMatch(
      /"notify" is "opps", but .* no such notifier\. Did you mean "ops"\? It has: ops, file\./,
    );
  });
});

describe('a notifier', () => {
  const notice: EndNotice = {
    version: 1,
    runId: 'r',
    workflowRunId: 'w',
    status: 'SUCCESS',
    summary: null,
    error: null,
  };

  it('may be a URL or a command on the embedded server, and must be a name on a named one', () => {
    const config = { notify: { ops: { command: 'true' } } };
    expect(findNotifier('ops', config, { trusted: false })).toEqual({ command: 'true' });
    expect(findNotifier('https://example.com', config, { trusted: true })).toEqual({
      url: 'https://example.com',
    });
    expect(findNotifier('./mail.sh now', config, { trusted: true })).toEqual({ command: './mail.sh now' });
    expect(findNotifier('https://example.com', config, { trusted: false })).toMatch(/has no such notifier/);
    for (const name of ['constructor', '__proto__', 'toString'])
      expect(findNotifier(name, config, { trusted: false })).toMatch(/has no such notifier/);
  });

  it('that fails is reported without its URL (I11)', async () => {
    const gone = notify({ url: 'http://127.0.0.1:9/?secret=canary' }, notice);
    await expect(gone).rejects.toThrow(/^The webhook could not be reached \(\w+\)\.$/);
  });

  it('that is a failing command is reported without its output (I11)', async () => {
    const failed = notify({ command: 'echo https://example.com/canary | tee /dev/stderr; exit 3' }, notice);
    await expect(failed).rejects.toThrow(/^The command exited with 3\. Its output is not kept/);
    await expect(failed).rejects.not.toThrow('canary');
  });

  it('that is a command counts as finished when its shell exits, whatever that left in the background', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'partwise-notify-'));
    const gate = join(folder, 'gate');
    try {
      // Keeps standard output and error open until the gate exists, which is after the notification was
      // accepted.
      await notify(
        { command: `(until test -e '${gate}'; do sleep 0.05; done; rm '${gate}') & exit 0` },
        notice,
      );
      await writeFile(gate, '');
      while (existsSync(gate)) await sleep(20);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
