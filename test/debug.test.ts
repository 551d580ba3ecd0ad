import { execFile, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DebugEvent, DebugReport } from '../src/index';
import { node } from '../src/runners/node/language';
import { isFree } from '../src/temporal/ports';
import { cli, startCli } from './support/cli';
import { TestDebugger, type Paused } from './support/debugger';
import { makeProject, type TestProject } from './support/project';

/** An edit changes `rate` and `closed`. */
const functions = ({ rate = 1, closed = 'South' } = {}): string => `
import { definePartitionFunction } from 'partwise';

export const bill = definePartitionFunction({
  name: 'bill',
  async run(data, context) {
    console.log('billing', context.partitionId);
    context.expect(context.key.region !== '${closed}', '${closed} is closed');
    const [row] = await data.sql\`SELECT count(*) AS orders, sum(amount) * \${${rate}} AS total FROM data\`;
    await context.upload('bill.json', row);
    await context.upload('about.json', {
      attempt: context.attempt,
      currency: context.params.currency,
      scheduled: context.scheduledTime,
      run: context.runId,
    });
    return row;
  },
});

export const reads = definePartitionFunction({
  name: 'reads',
  async run(data, { download, params }) {
    const bill = await download('bill.json', { run: params.of, partition: 'North' });
    return { total: bill.total };
  },
});

import { readFileSync } from 'node:fs';
export const here = definePartitionFunction({
  name: 'here',
  run: () => ({ cwd: process.cwd(), text: readFileSync('near.txt', 'utf8') }),
});

export const mixed = definePartitionFunction({
  name: 'mixed',
  run: (_, { key }) => ({ v: key.region === 'North' ? 1 : 'x' }),
});

export const rowsOf = definePartitionFunction({ name: 'rowsOf', run: (data) => ({ rows: data.rowCount }) });
`;

let project: TestProject;
let runId: string;
/** A process waiting for a debugger must also end when a test fails. */
let debugged: ChildProcess | null = null;
const source = { source: { files: 'sales.csv' }, partitionBy: ['region'] };

beforeAll(async () => {
  project = await makeProject(functions());
  await project.write('sales.csv', 'region,amount\nNorth,1\nNorth,2\nSouth,3\n');
  await project.startWorker();
  runId = project.runId('bill');
  const scheduledTime = '2026-03-01T05:00:00.000Z';
  const input = { ...source, function: 'bill', params: { currency: 'EUR' }, scheduledTime };
  await (await project.partwise.start(input, { runId })).wait();
});
afterAll(async () => {
  debugged?.kill('SIGKILL');
  await project.close();
});
afterEach(() => project.write('functions.ts', functions()));

const debug = (partition: string, ...more: string[]) =>
  cli(project.folder, ['debug', runId, partition, ...more]);
const report = async (partition: string, ...more: string[]): Promise<DebugReport> =>
  JSON.parse((await debug(partition, '--json', ...more)).stdout) as DebugReport;

/** Every file on the stage with its content, and the length of the run's history. */
async function everything(): Promise<unknown> {
  const stage = join(project.folder, 'stage');
  const files: Record<string, string> = {};
  for (const entry of await readdir(stage, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile())
      files[path] = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
  }
  const described = await project.client.workflow.getHandle(runId).describe();
  return { files, historyLength: described.historyLength };
}

describe('partwise debug', () => {
  it('gives the function the rows, key, parameters and time of the run, and compares the outcome with the recorded one', async () => {
    await project.write('sales.csv', 'region,amount\nNorth,1000\nSouth,1\n');
    const before = await everything();
    const { now, recorded, comparison, ...about } = await report('North');
    expect(about).toEqual({ runId, partition: 'North', key: { region: 'North' }, rows: 2, function: 'bill' });
    expect(now).toMatchObject({
      status: 'DONE',
      attempts: 2,
      result: [{ region: 'North', orders: 2, total: 3 }],
      resultRows: 1,
      error: null,
      logs: [{ partition: 'North', attempt: 2, stream: 'stdout', text: 'billing North' }],
    });
    expect(recorded).toMatchObject({ status: 'DONE', attempts: 1, logs: [{ text: 'billing North' }] });
    expect(comparison).toEqual({
      same: false,
      status: true,
      error: true,
      result: { same: true, cells: [] },
      artifacts: [
        { name: 'bill.json', verdict: 'same', now: expect.any(Number), recorded: expect.any(Number) },
        // It contains the attempt number.
        { name: 'about.json', verdict: 'different', now: expect.any(Number), recorded: expect.any(Number) },
      ],
      logs: true,
    });
    expect(await everything()).toEqual(before);
  });

  it('uses the current function, and changes nothing in the run', async () => {
    const before = await everything();
    const asRecorded = await debug('South');
    expect(asRecorded.code).toBe(1);
    expect(asRecorded.stdout).toMatch(
      /^✗ South {2}FAILED {2}1 row in \d+ ms\n {4}ExpectationFailed: South is closed\n {4}at Object\.run \(functions\.ts:8:13\)\n/,
    );
    expect(asRecorded.stdout).toContain('\nSame outcome as the run recorded:\n= status     FAILED\n');
    expect(asRecorded.stderr).toContain('South #2             │ billing South\n');

    await writeFile(join(project.folder, 'functions.ts'), functions({ rate: 2, closed: 'Nowhere' }));
    const fixed = await debug('South');
    expect(fixed.code).toBe(0);
    expect(fixed.stderr).toMatch(new RegExp(`\nTo rerun it in the run: node \\S+ retry ${runId}\n$`));
    expect(fixed.stdout.slice(fixed.stdout.indexOf('Different from'))).toBe(
      [
        'Different from what the run recorded:',
        '≠ status     DONE, was FAILED',
        '≠ result     1 row, was 0 rows',
        '≠ error      none, was ExpectationFailed: South is closed',
        '≠ artifacts  bill.json (32 B, new), about.json (130 B, new)',
        '= logs       1 line',
        '',
      ]
        .join('\n')
        .replace('130 B', /about\.json \((\d+ B)/.exec(fixed.stdout)![1]!),
    );
    const north = await report('North');
    expect(north.comparison!.result).toEqual({
      same: false,
      cells: [{ row: 0, column: 'total', now: 6, recorded: 3 }],
    });
    expect(await everything()).toEqual(before);
    expect(await project.partwise.getRun(runId).status()).toMatchObject({ counts: { DONE: 1, FAILED: 1 } });
  });

  it('downloads what the run recorded', async () => {
    const reading = project.runId('reads');
    const input = { ...source, function: 'reads', params: { of: runId }, only: ['North'] };
    await (await project.partwise.start(input, { runId: reading })).wait();
    const { code, stdout } = await cli(project.folder, ['debug', reading, 'North', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ now: { result: [{ total: 3 }] }, comparison: { same: true } });
  });

  it('runs the query of the sql function, or another one', async () => {
    const id = project.runId('sql');
    const input = { ...source, function: 'sql', sql: 'SELECT count(*) AS n FROM data' };
    await (await project.partwise.start(input, { runId: id })).wait();
    expect((await cli(project.folder, ['debug', id, 'North'])).stdout).toContain('= result     1 row\n');
    const other = await cli(project.folder, [
      'debug',
      id,
      'North',
      '--sql',
      'SELECT count(*) + 1 AS n FROM data',
    ]);
    expect(other.stdout).toContain('≠ result     1 row\n             n 2, was 1\n');
    const wrong = await cli(project.folder, ['debug', id, 'North', '--sql', 'SELECT m FROM data']);
    expect(wrong).toMatchObject({ code: 1, stdout: expect.stringContaining('BinderError') });
    expect(await cli(project.folder, ['debug', id, 'North', '--inspect'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no code to debug'),
    });
    expect(await debug('North', '--sql', 'SELECT 1 AS one')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('this run\'s function is "bill": remove "sql"'),
    });
  });

  it('compares rows that cannot be combined with those of other partitions', async () => {
    const id = project.runId('mixed');
    const input = { ...source, function: 'mixed', options: { partitionsPerUnit: 2 } };
    const run = await project.partwise.start(input, { runId: id });
    await run.wait();
    await expect(run.results()).rejects.toThrow('The column "v" is');
    for (const [partition, v] of [
      ['North', 1],
      ['South', 'x'],
    ] as const) {
      const { code, stdout } = await cli(project.folder, ['debug', id, partition, '--json']);
      expect(code).toBe(0);
      const result = [{ region: partition, v }];
      expect(JSON.parse(stdout)).toMatchObject({
        now: { result },
        recorded: { result },
        comparison: { same: true },
      });
    }
  });

  it('resolves relative names in the project, as a run, a plan and a try do, wherever it is started', async () => {
    const elsewhere = join(project.folder, 'elsewhere');
    await mkdir(elsewhere);
    await project.write('near.txt', 'of the project');
    await project.write('near.csv', 'region\nNorth\n');
    await writeFile(join(elsewhere, 'near.txt'), 'of the shell');
    await writeFile(join(elsewhere, 'near.csv'), 'region\nWrong\nToo\n');
    // The suite's worker runs in another folder.
    const id = project.runId('here');
    const input = { ...source, function: 'here', only: ['North'] };
    const run = await project.partwise.start(input, { runId: id });
    await run.wait();
    const found = { cwd: project.folder, text: 'of the project' };
    expect(await run.results()).toEqual([{ region: 'North', ...found }]);
    const debugged = await cli(elsewhere, ['debug', id, 'North', '--json']);
    expect(JSON.parse(debugged.stdout)).toMatchObject({
      now: { result: [found] },
      comparison: { same: true },
    });
    const query = ['here', '--from', "query:SELECT * FROM 'near.csv'", '--by', 'region', '--json'];
    const planned = await cli(elsewhere, ['plan', ...query]);
    expect(JSON.parse(planned.stdout)).toMatchObject({ largest: [{ id: 'North' }], partitions: 1 });
    const tried = await cli(elsewhere, ['run', ...query, '--try', '1']);
    expect(JSON.parse(tried.stdout)).toMatchObject({ tried: [{ id: 'North', result: [found] }] });
  });

  it('refuses rows other than those of the run: a changed file, a changed snapshot (I1)', async () => {
    await project.write('a.txt.csv', 'n\n1\n2\n');
    const id = project.runId('files');
    const input = { function: 'rowsOf', source: { files: '.', pattern: 'a.txt.csv' } };
    await (await project.partwise.start(input, { runId: id })).wait();
    expect((await cli(project.folder, ['debug', id, 'a.txt.csv'])).code).toBe(0);
    await project.write('a.txt.csv', 'n\n1\n3\n');
    expect(await cli(project.folder, ['debug', id, 'a.txt.csv'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('has changed since the run was planned: its content differs'),
    });

    const damaged = project.runId('damaged');
    const run = await project.partwise.start({ ...source, function: 'rowsOf' }, { runId: damaged });
    await run.wait();
    const folder = join(project.folder, 'stage', damaged);
    const [file] = (await readdir(folder, { recursive: true })).filter((name) =>
      /snapshot.*parquet$/.test(name),
    );
    const content = await readFile(join(folder, file!));
    content[content.length >> 1]! ^= 1;
    await writeFile(join(folder, file!), content);
    expect(await cli(project.folder, ['debug', damaged, 'North'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is not the file that was recorded'),
    });
  });

  it('says what does not exist', async () => {
    const nowhere = await debug('Nrth');
    expect(nowhere).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Did you mean "North"?'),
    });
    await project.write(
      'other.ts',
      "import { definePartitionFunction } from 'partwise';\nexport const bills = definePartitionFunction({ name: 'bills', run: () => null });\n",
    );
    const gone = await debug('North', '--functions', 'other.ts');
    expect(gone).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/There is no function "bill" in .*other\.ts\. Did you mean "bills"\?/),
    });
  });

  it("--inspect waits for a debugger and stops first at the function's first line, in the user's source file", async () => {
    const wasFree = await isFree(9229);
    const running = startCli(project.folder, ['debug', runId, 'North', '--inspect']);
    debugged = running.process;
    const printed = await running.prints('Waiting for a debugger at ws://127.0.0.1:');
    if (wasFree) expect(printed).toContain('at ws://127.0.0.1:9229/');
    const inspector = await TestDebugger.attach(/Waiting .* (ws:\S+)/.exec(printed)![1]!);
    await inspector.ask('Runtime.enable');
    await inspector.ask('Debugger.enable');
    const stopped = inspector.next<Paused>('Debugger.paused');
    await inspector.ask('Runtime.runIfWaitingForDebugger');
    const [{ functionName, location }] = (await stopped).callFrames as [Paused['callFrames'][0]];
    expect(functionName).toBe('run');
    const bundle = inspector.scripts.get(location.scriptId)!;
    expect(bundle.url).toMatch(/\/\.partwise\/functions\/[0-9a-f]{64}\.mjs$/);
    const content = Buffer.from(bundle.sourceMapURL.split('base64,')[1]!, 'base64').toString();
    const place = new SourceMap(JSON.parse(content) as SourceMapPayload).findEntry(
      location.lineNumber,
      location.columnNumber,
    );
    const source = functions().split('\n');
    expect(place).toMatchObject({
      originalSource: '../../functions.ts',
      originalLine: source.findIndex((line) => line.includes("console.log('billing'")),
    });
    // Breakpoints in the file work from the first stop on, and there is no other stop.
    const { scriptSource } = await inspector.ask('Debugger.getScriptSource', { scriptId: bundle.scriptId });
    const lineNumber = (scriptSource as string).split('\n').findIndex((line) => line.includes('return row;'));
    await inspector.ask('Debugger.setBreakpointByUrl', { url: bundle.url, lineNumber });
    const inside = inspector.next<Paused>('Debugger.paused');
    await inspector.ask('Debugger.resume');
    expect((await inside).callFrames[0]).toMatchObject({ functionName: 'run', location: { lineNumber } });
    await inspector.ask('Debugger.disable');
    inspector.close();
    expect(await running.finished).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('✓ North  DONE'),
    });
  });

  it('--inspect names the port that it uses when 9229 is in use', async () => {
    const holder = createServer();
    // Anything else that has the port serves the purpose as well.
    await new Promise((resolve) =>
      holder.once('error', resolve).listen(9229, '127.0.0.1', () => resolve(null)),
    );
    const running = startCli(project.folder, ['debug', runId, 'North', '--inspect']);
    debugged = running.process;
    const printed = await running.prints('Waiting for a debugger at ws://127.0.0.1:');
    holder.close();
    const [, port] = /at ws:\/\/127\.0\.0\.1:(\d+)\//.exec(printed)!;
    expect(port).not.toBe('9229');
    expect(printed).toContain(`Port 9229 is in use, so the debugger listens on port ${port}: give that port`);
    running.process.kill('SIGKILL');
    await running.finished;
  });
});

it('debuggers stop once, at the first line of a method, an arrow, a bound function or the function of a model', async () => {
  const script = `
    const { Session } = require('node:inspector');
    const { stopInFunction } = require(process.argv[1]);
    const { definePartitionModel } = require(process.argv[2]);
    const observer = new Session();
    observer.connect();
    observer.post('Debugger.enable');
    const stops = [];
    observer.on('Debugger.paused', ({ params }) => stops.push(params.callFrames[0].functionName));
    const hooks = {
      async method() {},
      arrow: async () => {},
      bound: async function target() {},
      async throwing() { throw new Error(); },
      again(n) { return n > 0 ? this.again(n - 1) : n; },
    };
    hooks.bound = hooks.bound.bind(null).bind(null);
    const model = definePartitionModel({ name: 'm', train: function fit() {}, predict: function ask() {} });
    hooks.train = model.train.model.hook;
    hooks.predict = model.predict.model.hook;
    hooks.fitPredict = model.fitPredict.model.hook;
    (async () => {
      for (const name of Object.keys(hooks))
        await stopInFunction(hooks[name], async () => hooks[name](2)).catch(() => {});
      hooks.again(2);
      await stopInFunction(hooks.method, async () => {});
      hooks.method();
      console.log(stops.join());
    })();`;
  const paths = ['../src/runners/node/stop-in-function', '../src/models/define'].map((path) =>
    require.resolve(path),
  );
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script, ...paths]);
  expect(stdout).toBe('method,arrow,target,throwing,again,fit,ask,fit\n');
});

it('the library debugs a partition in its own process, and restores the console', async () => {
  const events: DebugEvent[] = [];
  const before = [process.stdout.write, process.stderr.write];
  // Jest's own console prints more than its arguments.
  const written = functions().replace(
    "console.log('billing', context.partitionId)",
    "context.log('billing North')",
  );
  await project.write('functions.ts', written);
  const { now } = await project.partwise.debug(runId, 'North', { onEvent: (event) => events.push(event) });
  expect(now).toMatchObject({ status: 'DONE', result: [{ total: 3 }] });
  expect(events).toEqual([
    { type: 'calling', attempt: 2, rows: 2, inTerminal: false },
    { type: 'log', entry: expect.objectContaining({ partition: 'North', text: 'billing North' }) },
  ]);
  expect([process.stdout.write, process.stderr.write]).toEqual(before);
  await expect(project.partwise.debug('no-such-run', 'North')).rejects.toMatchObject({ name: 'NoSuchRun' });
});

it('refuses a function in a language that cannot call it, and says what to do instead', async () => {
  const { callHere } = node;
  delete node.callHere;
  try {
    await expect(project.partwise.debug(runId, 'North')).rejects.toThrow(
      /"bill" is written in TypeScript, which partwise debug cannot call\. .* partwise run --try/,
    );
  } finally {
    node.callHere = callHere;
  }
});
