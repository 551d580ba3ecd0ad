/** A project whose payloads are encrypted: nothing of a run can be read without the key. */
import { execFileSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { request, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from '@temporalio/client';
import { DefaultPayloadConverter } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { Partwise, type RunInput } from '../src/index';
import { RunList } from '../src/reader/list';
import { openStage, useKeys } from '../src/stage';
import { findTemporalBinary } from '../src/temporal';
import { freePort } from '../src/temporal/ports';
import { encrypting } from '../src/trust/encryption-codec';
import { PayloadKeys } from '../src/trust/payload-keys';
import { cli, CLI, startCli } from './support/cli';
import { itLong } from './support/long';
import { REPOSITORY, SUITE, end, makeProject, type TestProject } from './support/project';
import { hasPython, PYTHON } from './support/python-server';
import { run as runProgram, userEnvironment } from './support/shell';
import { until } from './support/until';

/** In everything that a run puts into history. */
const CANARY = 'canary-7f3a';
const OLD = { id: 'old', env: 'PARTWISE_KEY_TEST_OLD' };
const NEW = { id: 'new', env: 'PARTWISE_KEY_TEST_NEW' };

const FUNCTIONS = `
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

export const totals = definePartitionFunction({
  name: 'totals',
  retry: { maximumAttempts: 1 },
  async run(data, context) {
    const [{ total }] = await data.sql\`SELECT sum(amount) AS total FROM data\`;
    console.log('${CANARY} printed');
    await context.upload('seen.json', { seen: '${CANARY}' });
    while (context.params.waitsFor !== undefined && !existsSync(context.params.waitsFor)) await sleep(50);
    if (context.params.fails === context.partitionId) throw new Error('${CANARY} cannot add up ' + total);
    return { total, note: '${CANARY} result' };
  },
});
`;

const input: RunInput = {
  function: 'totals',
  source: { table: 'sales' },
  partitionBy: ['region'],
  params: { fails: `${CANARY}-b`, note: `${CANARY} param` },
};

let project: TestProject;
let runId: string;
let oldWorker: ChildProcess;

beforeAll(async () => {
  for (const { env } of [OLD, NEW]) process.env[env] = randomBytes(32).toString('base64');
  project = await makeProject(FUNCTIONS, {
    config: { stage: 'encrypted:./stage' },
    encryption: { keys: [OLD] },
  });
  await project.execute(
    `CREATE TABLE sales AS SELECT '${CANARY}-' || ['a', 'b', 'c'][1 + range % 3] AS region, range AS amount FROM range(30)`,
  );
  oldWorker = await project.startWorker();
  runId = project.runId('encrypted');
  const run = await project.partwise.start(input, { runId });
  expect(await run.wait()).toMatchObject({ status: 'PARTIAL_FAILURE', counts: { DONE: 2, FAILED: 1 } });
});
afterAll(async () => {
  for (const { env } of [OLD, NEW]) delete process.env[env];
  await project.close();
});

/** The configuration with other keys. */
async function withKeys<T>(keys: (typeof OLD)[], use: () => Promise<T>): Promise<T> {
  const before = await project.read('partwise.config.json');
  const config = JSON.parse(before) as { stage: string; temporal: { encryption?: object } };
  if (keys.length > 0) config.temporal.encryption = { keys };
  else {
    delete config.temporal.encryption;
    config.stage = './stage';
  }
  await project.write('partwise.config.json', JSON.stringify(config));
  try {
    return await use();
  } finally {
    await project.write('partwise.config.json', before);
  }
}

/** With payloads as the server has them. */
function describeRaw({ client }: TestProject, workflowId: string) {
  const request = { namespace: SUITE.namespace, execution: { workflowId } };
  return client.workflowService.describeWorkflowExecution(request);
}

/** A decrypted copy of a run's archive. */
async function archiveOf(id: string): Promise<string> {
  const folder = join(project.folder, 'stage');
  useKeys(new PayloadKeys([OLD], process.env));
  const stage = openStage(`encrypted:${pathToFileURL(folder).href}`);
  const [archive] = await stage.list(`${id}/archive/`);
  const file = join(project.folder, 'archive.json.gz');
  await writeFile(file, await stage.get(archive!.path));
  return file;
}

describe('history', () => {
  it('has neither rows, keys, parameters nor messages of errors in the clear, on the server and archived', async () => {
    const history = await project.client.workflow.getHandle(runId).fetchHistory();
    const description = await describeRaw(project, runId);
    const { History } = temporal.api.history.v1;
    const { DescribeWorkflowExecutionResponse } = temporal.api.workflowservice.v1;
    for (const bytes of [
      History.encode(history).finish(),
      DescribeWorkflowExecutionResponse.encode(description).finish(),
      gunzipSync(await readFile(await archiveOf(runId))),
    ])
      for (const word of [CANARY, Buffer.from(CANARY).toString('base64').slice(0, -4)])
        expect(Buffer.from(bytes).includes(word)).toBe(false);
    // It is a value of the payloads, so the test would find it.
    const { failure } = history.events!.at(-1)!.workflowExecutionFailedEventAttributes!;
    expect(failure).toMatchObject({ message: 'Encoded failure', stackTrace: '' });
    const started = history.events![0]!.workflowExecutionStartedEventAttributes!.input!.payloads![0]!;
    expect(() => new DefaultPayloadConverter().fromPayload(started)).toThrow('Unknown encoding');
  });

  it('of a run that was started with a plain input is encrypted from its first result on', async () => {
    const id = project.runId('plain');
    const handle = await project.client.workflow.start('partitionedRun', {
      workflowId: id,
      taskQueue: project.taskQueue,
      args: [{ ...input, function: 'no such function' }],
    });
    await expect(handle.result()).rejects.toThrow();
    const { events } = await handle.fetchHistory();
    expect(events!.at(-1)!.workflowExecutionFailedEventAttributes!.failure!.message).toBe('Encoded failure');
    const run = project.partwise.getRun(id);
    expect((await run.status()).error!.message).toContain('no such function');
  });
});

describe('the stage', () => {
  it('has neither rows, returned values, artifacts nor logs in the clear', async () => {
    const folder = join(project.folder, 'stage', runId);
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) =>
      entry.isFile(),
    );
    expect(files.length).toBeGreaterThan(10);
    for (const { parentPath, name } of files)
      expect([name, (await readFile(join(parentPath, name))).includes(CANARY)]).toEqual([name, false]);
    const run = project.partwise.getRun(runId);
    const [first] = await run.results();
    expect(first).toMatchObject({ note: `${CANARY} result` });
    expect(await run.partition(`${CANARY}-a`).artifacts.get('seen.json')).toEqual({ seen: CANARY });
    expect((await run.partition(`${CANARY}-a`).logPage()).lines).toMatchObject([
      { text: `${CANARY} printed` },
    ]);
  });
});

describe('with the key', () => {
  it('commands, archives and replay read it', async () => {
    const status = await cli(project.folder, ['status', runId, '--json']);
    expect(JSON.parse(status.stdout)).toMatchObject({ status: 'PARTIAL_FAILURE', counts: { DONE: 2 } });
    const file = await cli(project.folder, ['failures', runId, '--history', await archiveOf(runId)]);
    expect(file.stdout).toContain(`${CANARY} cannot add up`);
    const listed = await cli(project.folder, ['list', '--stage', 'encrypted:./stage']);
    expect(listed.stdout).toContain(runId);
    const replay = await cli(project.folder, ['replay', runId]);
    expect(replay).toMatchObject({ code: 0, stderr: expect.stringContaining('no divergence') });
  });

  it('a new first key encrypts what follows, and the old one still reads what was', async () => {
    // The order of a rotation: every worker has the new key before anything is encrypted with it.
    await end(oldWorker);
    await withKeys([NEW, OLD], async () => {
      const worker = await project.startWorker();
      const partwise = await Partwise.connect({ projectDir: project.folder });
      try {
        const rotated = await partwise.start({ ...input, params: {} }, { runId: project.runId('rotated') });
        expect(await rotated.wait()).toMatchObject({ status: 'SUCCESS' });
        expect(await partwise.getRun(runId).status()).toMatchObject({ counts: { DONE: 2, FAILED: 1 } });
        const { events } = await project.client.workflow.getHandle(rotated.runId).fetchHistory();
        const { payloads } = events![0]!.workflowExecutionStartedEventAttributes!.input!;
        expect(String(payloads![0]!.metadata!['encryption-key-id'])).toBe('new');
        // For a client without the codec, it is a run that cannot be read, next to all others.
        const unread = await until(async () => {
          const page = await new RunList(project.client).page({ limit: 1_000 });
          return page.unread.find((each) => each.runId === rotated.runId);
        });
        expect(unread).toMatchObject({ why: expect.stringContaining('Unknown encoding: binary/encrypted') });
      } finally {
        await partwise.close();
        await end(worker);
      }
    });
    oldWorker = await project.startWorker();
  });
});

describe('without the key', () => {
  const none = `This is encrypted with the key "old", and the project has no keys.`;

  it('commands say so and show nothing else', async () => {
    await withKeys([], async () => {
      const status = await cli(project.folder, ['status', runId]);
      expect(status).toMatchObject({ code: 2, stdout: '' });
      expect(status.stderr).toContain(none);
      const listed = await cli(project.folder, ['list', '--text', runId]);
      expect(listed.stderr).toContain(`The run "${runId}" cannot be read: ${none}`);
      expect(listed.stdout).toBe('');
      if (hasPython) {
        const script = `import partwise\nwith partwise.Partwise() as p: print(list(p.runs(text="${runId}")))`;
        const program = userEnvironment({ PARTWISE_CLI: CLI, PYTHONPATH: join(REPOSITORY, 'python') });
        const python = await runProgram(PYTHON, ['-c', script], project.folder, program);
        expect(python).toMatchObject({ code: 0, stdout: '[]\n' });
        expect(python.stderr).toContain(`The run '${runId}' cannot be read: ${none}`);
      }
      const file = await cli(project.folder, ['status', '--history', await archiveOf(runId)]);
      expect(file.stderr).toContain(none);
    });
    const unset = await cli(project.folder, ['status', runId], { [OLD.env]: '' });
    expect(unset).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`variable ${OLD.env} is not set`),
    });
    const worker = await cli(project.folder, ['worker'], { [OLD.env]: '' });
    expect(worker).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`variable ${OLD.env} is not set`),
    });
    const doctor = await cli(project.folder, ['doctor'], { [OLD.env]: '' });
    expect(doctor.stdout).toContain(`variable ${OLD.env} is not set`);
  });

  it('a worker refuses a run whose input it cannot read, by name (I9)', async () => {
    const other = await makeProject(FUNCTIONS);
    try {
      await other.startWorker();
      const dataConverter = encrypting(undefined, new PayloadKeys([OLD], process.env));
      const client = new Client({ ...other.client.options, dataConverter });
      const handle = await client.workflow.start('partitionedRun', {
        workflowId: other.runId('keyless'),
        taskQueue: other.taskQueue,
        args: [input],
      });
      const refusal = await handle.result().catch((error: Error) => String(error.cause));
      expect(refusal).toContain(none);
    } finally {
      await other.close();
    }
  });

  itLong('a worker changes nothing about a run that a worker with the key has begun', async () => {
    const own = await makeProject(FUNCTIONS, { encryption: { keys: [OLD] } });
    try {
      await own.execute('CREATE TABLE sales AS SELECT range % 2 AS region, range AS amount FROM range(4)');
      const begun = await own.startWorker();
      const gate = join(own.folder, 'gate');
      const run = await own.partwise.start(
        { ...input, params: { waitsFor: gate } },
        { runId: own.runId('handed-over') },
      );
      await until(async () => (await run.status()).counts.RUNNING === 2);
      await end(begun);
      const config = await own.read('partwise.config.json');
      const { encryption: _, ...temporal } = (JSON.parse(config) as { temporal: { encryption: object } })
        .temporal;
      await own.write('partwise.config.json', JSON.stringify({ ...JSON.parse(config), temporal }));
      const keyless = await own.startWorker();
      const failures = async (): Promise<string[]> => {
        const { pendingActivities } = await describeRaw(own, run.runId);
        return (pendingActivities ?? []).flatMap(({ lastFailure }) => lastFailure?.message ?? []);
      };
      // Until it has tried both units, whose inputs it cannot read.
      await until(async () => (await failures()).filter((message) => message.includes(none)).length === 2);
      await own.write('gate', '');
      await end(keyless);
      await own.write('partwise.config.json', config);
      await own.startWorker();
      expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 2 } });
    } finally {
      await own.close();
    }
  });
});

describe('partwise codec', () => {
  it("decodes for Temporal's CLI and for pages of the web UI, and for nobody else", async () => {
    const origin = 'http://localhost:8233';
    const port = String(await freePort());
    const codec = startCli(project.folder, ['codec', '--port', port, '--ui-origin', `${origin}/namespaces`]);
    try {
      await codec.prints('Ctrl-C ends it');
      const path = await new PayloadKeys([OLD], process.env).derived('partwise codec');
      const url = `http://127.0.0.1:${port}/${path}`;
      const { path: binary } = await findTemporalBinary({ projectDir: project.folder, env: process.env });
      const show = (...args: string[]): string =>
        execFileSync(
          binary,
          [
            'workflow',
            'show',
            '-w',
            runId,
            '--output',
            'json',
            '--address',
            SUITE.address,
            '--namespace',
            SUITE.namespace,
            ...args,
          ],
          { encoding: 'utf8' },
        );
      const dataOf = (json: string): string =>
        [...json.matchAll(/"data": "([^"]*)"/g)]
          .map(([, data]) => String(Buffer.from(data!, 'base64')))
          .join('\n');
      expect(dataOf(show())).not.toContain(CANARY);
      for (const part of ['-b', ' param', ' result', ' cannot add up'])
        expect(dataOf(show('--codec-endpoint', url))).toContain(`${CANARY}${part}`);

      const ask = (to: string, headers: Record<string, string>, method = 'POST') =>
        send(to, method, headers, method === 'POST' ? '{"payloads":[]}' : undefined);
      expect(await ask(`${url}/decode`, { origin })).toMatchObject({
        status: 200,
        headers: { 'access-control-allow-origin': origin },
      });
      expect(await ask(`${url}/decode?preserveStorageRefs=true`, { origin })).toMatchObject({ status: 200 });
      expect(await ask(`${url}/decode`, { origin }, 'OPTIONS')).toMatchObject({ status: 204 });
      for (const refused of [
        ask(`${url}/decode`, { origin: 'http://evil.example' }),
        ask(`${url}/decode`, { origin: 'null' }),
        ask(`${url}/decode`, { origin: 'http://evil.example' }, 'OPTIONS'),
        ask(`${url}/decode`, { host: `evil.example:${port}` }),
        ask(`${url}/decode`, { host: '127.0.0.1' }),
        ask(`${url}/other`, {}),
        ask(`http://127.0.0.1:${port}/decode`, {}),
        ask(`http://127.0.0.1:${port}/${'0'.repeat(32)}/decode`, {}),
      ])
        expect(await refused).toMatchObject({ status: 403 });
      expect(await send(`${url}/decode`, 'POST', {}, 'no JSON')).toMatchObject({ status: 400 });
    } finally {
      codec.process.kill('SIGTERM');
      expect((await codec.finished).code).toBe(0);
    }
  });

  it('is refused where nothing is encrypted', async () => {
    await withKeys([], async () => {
      expect(await cli(project.folder, ['codec'])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('This project encrypts nothing'),
      });
    });
  });
});

/** Not `fetch`, which sets Host and Origin itself. */
function send(
  url: string,
  method: string,
  headers: Record<string, string>,
  body?: string,
): Promise<{ status: number; headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers }, (answer) => {
      answer.resume();
      resolve({ status: answer.statusCode!, headers: answer.headers });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}
