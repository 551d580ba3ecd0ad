/** Who may start runs on a project's embedded server, whose port every user of the machine can reach. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { Partwise, type RunInput } from '../src/index';
import { endBackground, findTemporalBinary } from '../src/temporal';
import { makeStateFolder, stateFolder } from '../src/temporal/state-folder';
import { starterOfContinuation, type Starter } from '../src/planning/run-trust';
import { canonicalJson } from '../src/trust/canonical-json';
import { ensureSecret } from '../src/trust/secret';
import { isProven, startProof } from '../src/trust/start-proof';
import { cli, startCli, type RunningCli } from './support/cli';
import { REPOSITORY } from './support/project';
import { run } from './support/shell';
import { until } from './support/until';
import { describeStranger, makeStranger, type Stranger } from './support/stranger';

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';
export const count = definePartitionFunction({ name: 'count', run: (data) => ({ n: data.rowCount }) });
`;

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'partwise-trust-'));
  // The other user must be stopped by more than the mode of this folder.
  await chmod(folder, 0o755);
  await mkdir(join(folder, 'node_modules'));
  await symlink(REPOSITORY, join(folder, 'node_modules', 'partwise'));
  await writeFile(join(folder, 'functions.ts'), FUNCTIONS);
  await writeFile(join(folder, 'partwise.config.json'), '{"functions": "./functions.ts"}');
  await writeFile(join(folder, 'regions.csv'), 'region,n\na,1\nb,2\n');
  return folder;
}

const INPUT: RunInput = { function: 'count', source: { files: 'regions.csv' }, partitionBy: ['region'] };

describe('the proof', () => {
  const secret = { key: Buffer.alloc(32, 7), createdAt: 0 };
  const proof = startProof(secret, 'run', 'x', { a: 1, b: [2, { c: 3 }] });

  it('does not depend on how the input is written', () => {
    expect(isProven(secret, 'x', { b: [2, { c: 3 }], a: 1 }, proof)).toBe(true);
    expect(canonicalJson({ z: new Date(0), a: undefined, é: '"', __proto__: null })).toBe(
      '{"z":"1970-01-01T00:00:00.000Z","é":"\\""}',
    );
    expect(canonicalJson(JSON.parse('{"b":0,"__proto__":{"x":1}}'))).toBe('{"__proto__":{"x":1},"b":0}');
  });

  it('is not valid for another id, another input or another secret, or if it is of another kind (I13)', () => {
    const input = { a: 1, b: [2, { c: 3 }] };
    expect(isProven(secret, 'y', input, proof)).toBe(false);
    expect(isProven(secret, 'x', { ...input, notify: 'id' }, proof)).toBe(false);
    expect(isProven({ ...secret, key: Buffer.alloc(32, 8) }, 'x', input, proof)).toBe(false);
    expect(isProven(secret, 'x', input, undefined)).toBe(false);
    expect(isProven(secret, 'x-2026-01-01T00:00:00Z', input, proof)).toBe(false);
    const scheduled = startProof(secret, 'schedule', 'x', input);
    expect(isProven(secret, 'x-2026-01-01T00:00:00Z', input, scheduled)).toBe(true);
    expect(isProven(secret, 'x', input, scheduled)).toBe(false);
    expect(isProven(secret, 'xx-2026-01-01T00:00:00Z', input, scheduled)).toBe(false);
  });

  it('does not exist for an input nested deeper than JSON supports', () => {
    let deep: unknown = null;
    for (let i = 0; i < 200_000; i++) deep = [deep];
    expect(isProven(secret, 'x', deep, proof)).toBe(false);
  });
});

describe('a continuation', () => {
  const gate = { secret: { key: Buffer.alloc(32, 7), createdAt: 1_000 }, open: true };
  const before = (trusted: boolean, startedAt: number, archived = false) =>
    ({
      record: { startedAt: new Date(startedAt).toISOString(), opened: { trusted } },
      state: { archived },
    }) as Parameters<typeof starterOfContinuation>[2];

  it('is the owner’s only if its first input was proven, by a history read with the secret (I13)', () => {
    const starter = (earlier: ReturnType<typeof before>, now: Starter = 'owner') =>
      starterOfContinuation({ gate }, now, earlier);
    expect(starter(before(true, 2_000))).toBe('owner');
    expect(starter(before(false, 2_000))).toBe('anyone');
    expect(starter(before(true, 999))).toBe('anyone');
    expect(starter(before(true, 2_000, true))).toBe('anyone');
    expect(starter(before(true, 2_000), 'anyone')).toBe('anyone');
  });
});

describe('the secret', () => {
  it('is created once, whole and only for its owner, and concurrent callers get the same one (I11)', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'partwise-secret-'));
    const [made, again] = [ensureSecret(folder), ensureSecret(folder)];
    expect(made.key).toHaveLength(32);
    expect(again).toEqual(made);
    expect(await readdir(folder)).toEqual(['secret.json']);
    expect((await stat(join(folder, 'secret.json'))).mode & 0o777).toBe(0o600);
    await rm(folder, { recursive: true });
  });

  it('that is truncated is reported with what to do, and not replaced', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'partwise-secret-'));
    await writeFile(join(folder, 'secret.json'), '{"version":1,"key":"AAAA"');
    expect(() => ensureSecret(folder)).toThrow(/secret.json", cannot be read.*Remove the file/);
    await rm(folder, { recursive: true });
  });
});

it('a state folder that others could read is closed to them (I11)', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'partwise-open-'));
  const state = stateFolder(folder);
  await mkdir(state.path);
  await chmod(state.path, 0o755);
  makeStateFolder(state);
  expect((await stat(state.path)).mode & 0o777).toBe(0o700);
  await rm(folder, { recursive: true });
});

describeStranger('another user of the machine', () => {
  let folder: string;
  let partwise: Partwise;
  let stranger: Stranger;
  beforeAll(async () => {
    folder = await makeFolder();
    partwise = await Partwise.connect({ projectDir: folder });
    stranger = await makeStranger(partwise.address);
  });
  afterAll(async () => {
    await stranger.leave();
    await partwise.close();
    await endBackground(folder);
    await rm(folder, { recursive: true, force: true });
  });

  const proofFile = (name: string): string => join(folder, name);
  const start = (runId: string, input: object, more: Record<string, string> = {}) =>
    stranger.temporal('workflow start', {
      type: 'partitionedRun',
      'task-queue': 'partwise',
      'workflow-id': runId,
      input: JSON.stringify(input),
      ...more,
    });
  const refusedState = async (runId: string) => {
    const { status, error } = await partwise.getRun(runId).wait();
    return { status, type: error?.type, message: error?.message };
  };
  const refusal = (why: RegExp) => ({
    status: 'FAILURE',
    type: 'NotTrusted',
    message: expect.stringMatching(why),
  });

  it('can reach the port, but neither the project’s secret nor anything else in its state folder', async () => {
    expect((await stranger.temporal('workflow list')).code).toBe(0);
    expect((await stranger.run('ls', join(folder, '.partwise'))).code).not.toBe(0);
    expect((await stranger.run('cat', join(folder, '.partwise', 'secret.json'))).code).not.toBe(0);
  });

  it.each([
    ['a functions file', { ...INPUT, functions: 'evil.ts' }],
    ['a command to notify', { ...INPUT, notify: 'id > notified' }],
    ['SQL', { function: 'sql', sql: 'SELECT 1', source: { query: "SELECT 'k' AS k" }, partitionBy: ['k'] }],
    ['nothing at all but the project’s own', INPUT],
    ['no input', 'none'],
  ])('cannot run code with an input that names %s (I13)', async (name, input) => {
    const evil = join(stranger.folder, 'evil.ts');
    const owned = proofFile('owned');
    await writeFile(
      evil,
      `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(owned)}, '');`,
    );
    const runId = `stranger-${name.replaceAll(' ', '-')}`;
    const given = typeof input === 'object' && 'functions' in input ? { ...input, functions: evil } : input;
    expect(await start(runId, given as object)).toMatchObject({ code: 0 });
    expect(await refusedState(runId)).toEqual(
      refusal(/was not started: it has no header "partwise-proof".*partwise run.*partwise dev --open/s),
    );
    expect(existsSync(owned)).toBe(false);
    expect(existsSync(proofFile('notified'))).toBe(false);
  });

  /** The start event in the history, which everyone can read. */
  const startOf = async (runId: string): Promise<{ input: object; headers: string }> => {
    const { stdout } = await stranger.temporal('workflow show', { 'workflow-id': runId, output: 'json' });
    const { events } = JSON.parse(stdout) as {
      events: {
        workflowExecutionStartedEventAttributes: {
          header: { fields: Record<string, { data: string }> };
          input: { payloads: { data: string }[] };
        };
      }[];
    };
    const { header, input } = events[0]!.workflowExecutionStartedEventAttributes;
    const text = (payload: { data: string }): string => Buffer.from(payload.data, 'base64').toString();
    return {
      input: JSON.parse(text(input.payloads[0]!)) as object,
      headers: `partwise-proof=${text(header.fields['partwise-proof']!)}`,
    };
  };

  it('gains nothing from a copied header, neither for another id nor for another input (I13)', async () => {
    const run = await partwise.start(INPUT, { runId: 'owned' });
    expect((await run.wait()).status).toBe('SUCCESS');
    const { input, headers } = await startOf('owned');
    await start('copied-id', input, { headers });
    await start('owned-2026-01-01T00:00:00Z', input, { headers });
    await start('owned', { ...input, notify: 'id > notified' }, { headers });
    const why = refusal(
      /its header "partwise-proof" was made for another run id, for another input, or with a secret other than the project's/,
    );
    expect(await refusedState('copied-id')).toEqual(why);
    expect(await refusedState('owned-2026-01-01T00:00:00Z')).toEqual(why);
    const { stdout } = await stranger.temporal('workflow list', {
      query: "WorkflowId = 'owned'",
      output: 'json',
    });
    const [latest] = JSON.parse(stdout) as { status: string }[];
    expect(latest!.status).toBe('WORKFLOW_EXECUTION_STATUS_FAILED');
    expect(existsSync(proofFile('notified'))).toBe(false);
    // The owner's run is unchanged.
    expect((await partwise.getRun('owned').status()).status).toBe('SUCCESS');
  });

  it('cannot make a schedule of the owner start another input', async () => {
    await partwise.schedules.create('nightly', { cron: '0 3 * * *', input: INPUT });
    const { runId } = await partwise.schedules.trigger('nightly');
    expect((await partwise.getRun(runId).wait()).status).toBe('SUCCESS');
    const client = new Client({ connection: await Connection.connect({ address: partwise.address }) });
    await client.schedule.getHandle('nightly').update((schedule) => ({
      ...schedule,
      action: { ...schedule.action, args: [{ ...INPUT, notify: 'id > notified' }] },
    }));
    const edited = await partwise.schedules.trigger('nightly');
    expect(await refusedState(edited.runId)).toEqual(refusal(/another input/));
    expect(existsSync(proofFile('notified'))).toBe(false);
    await client.connection.close();
  });

  it('gets an exit code that shows the refusal', async () => {
    await start('watched', INPUT);
    const { code, stderr } = await cli(folder, ['watch', 'watched']);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining('No partition was started.'),
    });
  });
});

describe('partwise dev', () => {
  let folder: string;
  let dev: RunningCli;
  let printed: string;
  let line: string;
  const begin = async (...more: string[]): Promise<void> => {
    folder = await makeFolder();
    await writeFile(join(folder, 'functions.ts'), FUNCTIONS.replaceAll('count', 'salesByRegion'));
    await writeFile(join(folder, 'sales.csv'), 'region,n\na,1\nb,2\n');
    dev = startCli(folder, ['dev', ...more]);
    printed = '';
    for await (const text of dev.process.stdout!.setEncoding('utf8'))
      if (/workflow start .*\n/.test((printed += text))) break;
    dev.process.stdout!.resume();
    line = /temporal workflow start .*/.exec(printed)![0];
  };
  const end = async (): Promise<void> => {
    dev.process.kill('SIGINT');
    expect((await dev.finished).code).toBe(0);
    await rm(folder, { recursive: true, force: true });
  };
  const address = (): string => /--address (\S+)/.exec(line)![1]!;

  it('prints arguments for Temporal’s own CLI that prove the run that it starts', async () => {
    await begin('--ui');
    // The page that is printed is Temporal's, behind the guard that embedded-http.test.ts tests.
    const page = await fetch(/Temporal's web UI at (\S+)/.exec(printed)![1]!);
    expect(await page.text()).toContain('<html');
    const { path } = await findTemporalBinary({ projectDir: folder, env: process.env });
    const own = line.replace(/^temporal/, path).replace('my-run', 'another-id');
    for (const each of [line.replace(/^temporal/, path), own])
      expect(await run('sh', ['-c', each], folder)).toMatchObject({ code: 0 });
    const partwise = await Partwise.connect({ projectDir: folder });
    expect(await partwise.getRun('my-run').wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 2 } });
    expect((await partwise.getRun('another-id').wait()).error?.type).toBe('NotTrusted');
    await partwise.close();
    // A shell completes the ids of its runs, and of starts that were refused: their status says why.
    const words = ['completion', 'words', '--', 'status', ''];
    await until(async () => {
      const offered = (await cli(folder, words)).stdout.split('\n');
      return offered.includes('my-run') && offered.includes('another-id');
    });
    await end();
  });

  it('--open runs what anyone starts if it uses only what the project has, and refuses anything else by name', async () => {
    await begin('--open');
    expect(line).not.toContain('--headers');
    const connection = await Connection.connect({ address: address() });
    const client = new Client({ connection });
    const started = (workflowId: string, input: object) =>
      client.workflow.start('partitionedRun', { workflowId, taskQueue: 'partwise', args: [input] });
    const input = { function: 'salesByRegion', source: { files: 'sales.csv' }, partitionBy: ['region'] };
    expect(await (await started('plain', input)).result()).toMatchObject({ counts: { DONE: 2 } });
    await started('named', { ...input, functions: './functions.ts' });
    const evil = {
      functions: '/tmp/evil.ts',
      notify: 'id > notified',
      stage: '/tmp',
      warehouse: 'duckdb:/tmp/w',
    };
    await started('evil', { ...input, ...evil });
    const partwise = await Partwise.connect({ projectDir: folder });
    expect((await partwise.getRun('named').wait()).status).toBe('SUCCESS');
    const { error } = await partwise.getRun('evil').wait();
    expect(error?.type).toBe('InvalidInput');
    for (const name of ['functions', 'notify', 'stage', 'warehouse'])
      expect(error?.message).toMatch(new RegExp(`${name}.*`));
    expect(existsSync(join(folder, 'notified'))).toBe(false);
    // The owner can still start runs.
    const own = await partwise.start({ ...input, notify: `touch ${join(folder, 'told')}` }, { runId: 'own' });
    expect((await own.wait()).status).toBe('SUCCESS');
    expect(existsSync(join(folder, 'told'))).toBe(true);
    await partwise.close();
    await connection.close();
    await end();
  });
});

it('nothing that a run leaves contains a proof or a secret: only the header has a code (I11)', async () => {
  const folder = await makeFolder();
  const ran = await cli(folder, ['run', 'count', '--from', 'regions.csv', '--by', 'region']);
  expect(ran.code).toBe(0);
  const { key } = JSON.parse(await readFile(join(folder, '.partwise', 'secret.json'), 'utf8')) as {
    key: string;
  };
  const state = join(folder, '.partwise');
  for (const name of await readdir(state, { recursive: true })) {
    if (name === 'secret.json' || !(await stat(join(state, name))).isFile()) continue;
    expect({ name, leaks: (await readFile(join(state, name))).includes(key) }).toEqual({
      name,
      leaks: false,
    });
  }
  await endBackground(folder);
  await rm(folder, { recursive: true, force: true });
});
