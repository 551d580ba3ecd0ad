import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Project } from '../src/index';
import { CLI, cli, startCli } from './support/cli';
import { REPOSITORY, SUITE, makeProject, type TestProject } from './support/project';
import { run, userEnvironment } from './support/shell';
import { until } from './support/until';

const FUNCTIONS = `
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

export const count = definePartitionFunction({
  name: 'count',
  async run(data, context) {
    console.log(\`counting \${context.partitionId}\`);
    context.expect(context.key.region !== 'South', context.params.reason ?? 'South is closed');
    await context.upload('count.json', { orders: data.rowCount });
    return { orders: data.rowCount, currency: context.params.currency ?? null };
  },
});

export const odd = definePartitionFunction({
  name: 'odd',
  run: (data, context) => ({ when: context.key.region === 'North' ? new Date() : [1, 2] }),
});

export const wait = definePartitionFunction({
  name: 'wait',
  async run(data, context) {
    console.log('waiting');
    await sleep(context.params.ms, undefined, { signal: context.signal });
    return { done: true };
  },
});
`;

const SALES = 'region,amount\nNorth,1\nNorth,2\nSouth,3\nNew York,4\n';

/** How each shell prints what it makes of the lines that follow these arguments, and what that is. */
const SHELLS = {
  // Only what is after the ":" is replaced; without candidates, an interactive bash completes files.
  bash: {
    script: [
      '-c',
      `eval "$(partwise completion bash)"; COMP_WORDBREAKS=$' \\t\\n"\\'@><=;|&(:'
      for COMP_LINE; do COMP_POINT=\${#COMP_LINE}; _partwise; echo "\${COMPREPLY[@]}."; done`,
      'bash',
    ],
    completed: ['status.', '@last.', String.raw`b\ \$\(touch\ run\)\ \"c\".`, '--max-partitions.', '.'],
  },
  // The line itself, after a press of Tab in an interactive shell.
  zsh: {
    script: [
      '-fc',
      `zmodload zsh/zpty; zpty shell zsh -f -i
      zpty -w shell 'PS1=; unsetopt prompt_sp; autoload -Uz compinit; compinit -u -D
        eval "$(partwise completion zsh)"
        show() { print -r -- "<$BUFFER>" }; zle -N show; bindkey "^T" show; print -r READ""Y'
      zpty -r shell out '*READY*'
      for line; do
        zpty -w -n shell $'\\x15'"$line"$'\\t\\x14'; zpty -r shell out '*<*>*'
        out=\${out##*<}; print -r -- "\${out%>*}."
      done`,
      'zsh',
    ],
    completed: [
      'partwise status .',
      'partwise status @last .',
      String.raw`partwise status a:b\ \$\(touch\ run\)\ \"c\" .`,
      'partwise status --max-partitions .',
      'partwise run --from sales.csv .',
    ],
  },
  fish: {
    script: [
      '--no-config',
      '-c',
      `partwise completion fish | source; for line in $argv; echo (complete -C $line).; end`,
    ],
    completed: ['status.', '@last.', 'a:b $(touch run) "c".', '--max-partitions.', 'sales.csv.'],
  },
};

/** The built CLI with its output going to a full disk. */
const onFullDisk = (folder: string, args: readonly string[], to: string) =>
  run('sh', ['-c', `exec "$0" "$@" ${to}`, process.execPath, CLI, ...args], folder);
const itWithFullDisk = existsSync('/dev/full') ? it : it.skip;
const FULL = 'Could not write to standard output: no space left on device.';

describe('without a server', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'partwise-cli-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  itWithFullDisk('output that cannot be written is one sentence, and exits with 2', async () => {
    const unwritten = { code: 2, stdout: '', stderr: `error: ${FULL}\n` };
    for (const args of [['--help'], ['completion', 'bash']])
      expect(await onFullDisk(folder, args, '> /dev/full')).toEqual(unwritten);
    expect(await onFullDisk(folder, ['watch'], '2> /dev/full')).toEqual({ code: 2, stdout: '', stderr: '' });
  });

  it('completes words in a real bash, without starting a server', async () => {
    const bin = await mkdtemp(join(folder, 'bin-'));
    const script = `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n`;
    await writeFile(join(bin, 'partwise'), script, { mode: 0o755 });
    const asked = `eval "$(partwise completion bash)"
      for COMP_LINE in 'partwise sta' 'partwise run --max-p' 'partwise status '; do
        COMP_POINT=\${#COMP_LINE}; _partwise; echo "\${COMPREPLY[@]}"
      done`;
    const env = userEnvironment({ PATH: [bin, process.env.PATH].join(delimiter) });
    expect(await run('bash', ['-c', asked], folder, env)).toEqual({
      code: 0,
      stdout: 'status\n--max-partitions\n@last\n',
      stderr: '',
    });
    expect(existsSync(join(folder, '.partwise'))).toBe(false);
  });

  describe.each(Object.entries(SHELLS))('%s', (shell, { script, completed }) => {
    const isThere = spawnSync(shell, ['-c', 'exit']).error === undefined;
    const withShell = isThere ? it : it.skip;
    const title = 'completes what the shell script asks for, run ids of any characters included, else files';
    withShell(isThere ? title : `NOT TESTED: ${shell} is not installed (${title})`, async () => {
      const own = await mkdtemp(join(folder, 'shell-'));
      await writeFile(join(own, 'sales.csv'), SALES);
      await writeFile(join(own, 'words'), 'status\n--max-partitions\n@last\na:b $(touch run) "c"\n');
      const stub = `#!/bin/sh
        [ "$2" = words ] || exec "${process.execPath}" "${CLI}" "$@"
        shift 3; printf '[%s]' "$@" >> asked; echo >> asked
        [ "$1" = run ] || cat words`;
      await writeFile(join(own, 'partwise'), stub, { mode: 0o755 });
      const lines = ['sta', 'status @', 'status a:', 'status --max', 'run --from sal'];
      const env = userEnvironment({ PATH: [own, process.env.PATH].join(delimiter), HOME: own });
      const typed = lines.map((line) => `partwise ${line}`);
      const { stdout, stderr } = await run(shell, [...script, ...typed], own, env);
      expect({ lines: stdout.trimEnd().split('\n'), stderr }).toEqual({ lines: completed, stderr: '' });
      expect(await readFile(join(own, 'asked'), 'utf8')).toBe(
        '[sta]\n[status][@]\n[status][a:]\n[status][--max]\n[run][--from][sal]\n',
      );
      expect(existsSync(join(own, 'run'))).toBe(false);
    });
  });

  it('help is immediate: it loads neither Temporal nor DuckDB nor zod nor a stage driver nor the console', () => {
    const probe = `
      process.argv = [process.execPath, ${JSON.stringify(CLI)}, '--help'];
      process.on('exit', () => process.stderr.write(JSON.stringify(Object.keys(require.cache))));
      require(${JSON.stringify(CLI)});`;
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', probe], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    expect(stdout).toContain('run a function for every partition');
    const files = JSON.parse(stderr) as string[];
    const heavy = /temporalio|duckdb|zod|snowflake-sdk|aws-sdk|opentelemetry|hono|\/dist\/console\//;
    expect(files.filter((file) => heavy.test(file))).toEqual([]);
  });

  it.each([
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['rn'], /Did you mean run\?/],
    [['run', 'f', '--fron', 'x'], /unknown option '--fron'\n\(Did you mean --from\?\)/],
    [['run', '--by', 'a'], /- FUNCTION is missing; .*\n- --from is missing; it takes a table/],
    [
      ['run', 'f', '--from', 't', '--by', 'a', '--max-concurrency', '99999', '--run-id', '..'],
      /- The run id "\.\." consists only of dots.*\n- --max-concurrency is 99999;/,
    ],
    [['run', 'f', '--from', 't', '--by', 'a', '--project', 'nowhere'], /The folder does not exist/],
    [['status'], /Give a run id, or a file with --history/],
    [['partitions', 'r', '--status', 'GOOD'], /Use one of PENDING, RUNNING, DONE/],
    [['list', '--address', '127.0.0.1:1'], /No Temporal server responds at "127\.0\.0\.1:1"/],
    [['worker'], /A worker needs a Temporal server/],
  ])('%j exits with 2 and an explanation, without a stack trace (I9)', async (args, sentence) => {
    const { code, stdout, stderr } = await cli(folder, args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('PARTWISE_DEBUG=1 shows the stack of an error', async () => {
    const { stderr } = await cli(folder, ['run', 'f'], { PARTWISE_DEBUG: '1' });
    expect(stderr).toMatch(/^\s+at .*checked-input/m);
  });
});

describe('in a project', () => {
  let project: TestProject;
  beforeAll(async () => {
    const allow = { warehouses: ['duckdb:./nowhere/w.duckdb'] };
    project = await makeProject(FUNCTIONS, { config: { allow } });
    await project.write('sales.csv', SALES);
    await project.startWorker();
  });
  afterAll(() => project.close());

  const run = (name: string, ...args: string[]) => [
    'run',
    name,
    '--from',
    'sales.csv',
    '--by',
    'region',
    '--run-id',
    project.runId(name),
    ...args,
  ];

  it("Temporal's own CLI runs on the project's server, with its exit code", async () => {
    const own = await cli(project.folder, [
      'temporal',
      'operator',
      'namespace',
      'describe',
      '--output',
      'json',
    ]);
    expect(own).toMatchObject({ code: 0, stdout: expect.stringContaining(`"${SUITE.namespace}"`) });
    expect((await cli(project.folder, ['temporal', '--help'])).stdout).toMatch(/Temporal CLI/i);
    const none = ['temporal', 'workflow', 'describe', '--workflow-id', 'none'];
    expect((await cli(project.folder, none)).code).toBe(1);
  });

  it('ids of runs on the configured server are completed, and a server that does not answer is not waited for', async () => {
    const beginning = project.runId('unusual');
    const unusual = `${beginning} $(exit) "c"`;
    const handle = await project.client.workflow.start('partitionedRun', {
      workflowId: unusual,
      taskQueue: 'nobody',
      args: [{ function: 'count' }],
    });
    // The answer may take longer than a key press may on a machine that is busy with other tests.
    const offered = async (env?: NodeJS.ProcessEnv) =>
      (await cli(project.folder, ['completion', 'words', '--', 'status', beginning], env)).stdout.split('\n');
    const words = await until(async () => {
      const found = await offered();
      return found.includes(unusual) && found;
    });
    expect(words).toEqual(['@last', unusual, '']);
    await handle.terminate();

    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const folder = await mkdtemp(join(tmpdir(), 'partwise-silent-'));
    const began = performance.now();
    const asked = ['completion', 'words', '--', 'status', ''];
    const { code, stdout } = await cli(folder, asked, { TEMPORAL_ADDRESS: `127.0.0.1:${port}` });
    expect({ code, stdout }).toEqual({ code: 0, stdout: '@last\n' });
    // A connection is given up after five seconds.
    expect(performance.now() - began).toBeLessThan(5_000);
    silent.close();
    await rm(folder, { recursive: true });
  });

  it('a run shows its progress, what failed and why, its rows, and commands that work', async () => {
    const args = run('count', '--tolerated-failures', '1', '--param', 'currency=EUR');
    const runId = args.at(args.indexOf('--run-id') + 1)!;
    const { code, stdout, stderr } = await cli(project.folder, args);
    expect(code).toBe(0);
    expect(stderr).toContain(`run ${runId}\ncount for each region of sales.csv\n3 partitions, 4 rows\n`);
    expect(stderr).toContain('✗ South  ExpectationFailed: South is closed (functions.ts:9)\n');
    expect(stderr).toContain('3 of 3 partitions: 2 DONE, 1 FAILED\n');
    expect(stdout).toContain(`${runId}  PARTIAL_FAILURE  took`);
    expect(stdout).toMatch(/region {4}orders {2}currency\nNew York {7}1 {2}EUR\nNorth {10}2 {2}EUR\n/);

    const suggested = [...stdout.matchAll(/main\.js (.+?)(?: {2,}.*)?$/gm)].map(([, command]) =>
      command!.split(' '),
    );
    expect(suggested.map(([command]) => command)).toEqual(['debug', 'retry', 'logs']);
    for (const command of suggested) {
      const again = await cli(project.folder, command);
      // The function still throws.
      expect(again.code).toBe(command[0] === 'debug' ? 1 : 0);
      expect(again.stdout).not.toBe('');
    }
    const causes = await cli(project.folder, ['failures', runId]);
    const lines = causes.stdout.split('\n');
    const command = lines[4];
    expect(lines).toEqual([
      '✗ South  ExpectationFailed: South is closed (functions.ts:9)',
      '       8 │ console.log(`counting ${context.partitionId}`);',
      "    ›  9 │ context.expect(context.key.region !== 'South', context.params.reason ?? 'South is closed…",
      "      10 │ await context.upload('count.json', { orders: data.rowCount });",
      command,
      '',
    ]);
    const retry = command!.replace(/^ +node .*main\.js /, '').split(' ');
    expect(retry).toEqual(['retry', runId, '--failed-with', 'ExpectationFailed']);
    expect(await cli(project.folder, [...retry, '--dry-run'])).toMatchObject({
      code: 0,
      stdout: `A retry of ${runId} would run 1 of 3 partitions.\n  South (FAILED)\n`,
    });
    const preview = await cli(project.folder, ['retry', runId, '--ordinals', '0-2', '--dry-run', '--json']);
    expect(JSON.parse(preview.stdout)).toEqual({ runId, partitions: 1, ordinals: '2' });
    const wrong = await cli(project.folder, ['retry', runId, '--failed-with', 'Timeout', '--only', 'South']);
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--only and --failed-with each select the partitions to retry.'),
    });
    const compared = await cli(project.folder, ['compare', runId, runId, '--execution-a', '1']);
    expect(compared).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^a {2}.*\nb {2}.*, execution 2\n[^]*No differences in 3 partitions\./),
    });
    const { stdout: south } = await cli(project.folder, ['partitions', runId, '--partition', 'South']);
    expect(south).toMatch(/ at .*functions\.ts:9:\d+.*\n {7}8 │ console.*\n {4}› {2}9 │ context\.expect/);
    const listed = JSON.parse((await cli(project.folder, ['failures', runId, '--json'])).stdout) as object;
    expect(listed).toMatchObject({ failures: [{ count: 1, examples: [{ id: 'South' }] }] });
  });

  it('rows that cannot be combined are a note below the summary, and do not change the exit code (I8)', async () => {
    const { code, stdout, stderr } = await cli(project.folder, run('odd'));
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining('The rows cannot be shown. The column "when" is'),
    });
    expect(stdout).toMatch(/ SUCCESS {2}took .*\n[^]*show the combined rows/);
  });

  it('a run is followed to its end, and exits with its own code, if the reader closes the pipe (I8)', async () => {
    const started = startCli(project.folder, run('count').with(-1, project.runId('unread')));
    started.process.stdout!.destroy();
    started.process.stderr!.destroy();
    expect(await started.finished).toMatchObject({ code: 1 });
  });

  itWithFullDisk(
    'a run is followed to its end, and exits with its own code, on a full disk (I8)',
    async () => {
      const { code, stderr } = await onFullDisk(project.folder, run('count'), '> /dev/full');
      expect({ code, told: stderr.split(FULL).length - 1 }).toEqual({ code: 1, told: 1 });
      const args = run('count', '--tolerated-failures', '1');
      expect(await onFullDisk(project.folder, args, '> /dev/full 2> /dev/full')).toMatchObject({ code: 0 });
    },
  );

  it('failures above the tolerance exit with 1, and so does any failure with --strict (I8)', async () => {
    expect((await cli(project.folder, run('count'))).code).toBe(1);
    expect((await cli(project.folder, run('count', '--tolerated-failures', '1', '--strict'))).code).toBe(1);
    expect((await cli(project.folder, run('count', '--only', 'North', '--strict'))).code).toBe(0);
  });

  it('a problem that only a worker can detect exits with 2, and nothing was started (I9)', async () => {
    const { code, stdout, stderr } = await cli(project.folder, run('coutn'));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(
      /error: There is no function "coutn".* Did you mean "count"\?.*\nNo partition was started\./,
    );
  });

  it('reading commands print a single JSON document to standard output', async () => {
    const args = run('count', '--tolerated-failures', '1', '--json');
    const runId = args.at(args.indexOf('--run-id') + 1)!;
    const json = async (...command: string[]): Promise<unknown> => {
      const { stdout, stderr } = await cli(project.folder, command);
      return stdout.startsWith('{') || stdout.startsWith('[') ? (JSON.parse(stdout) as unknown) : stderr;
    };
    const state = await json(...args);
    expect(state).toMatchObject({
      runId,
      status: 'PARTIAL_FAILURE',
      counts: { total: 3, DONE: 2, FAILED: 1 },
      error: null,
    });
    expect(await json('status', runId, '--json')).toEqual({ ...(state as object), asOf: expect.any(String) });
    expect(await json('watch', runId, '--json')).toMatchObject({ runId, status: 'PARTIAL_FAILURE' });
    expect(await json('partitions', runId, '--json', '--status', 'failed')).toMatchObject({
      partitions: [
        {
          id: 'South',
          key: { region: 'South' },
          attempts: 1,
          error: { type: 'ExpectationFailed' },
          artifacts: [],
        },
      ],
      next: null,
    });
    expect(await json('results', runId, '--json')).toEqual([
      { region: 'New York', orders: 1, currency: null },
      { region: 'North', orders: 2, currency: null },
    ]);
    expect(await json('logs', runId, '--json', '--partition', 'New York')).toMatchObject([
      { partition: 'New%20York', stream: 'stdout', text: 'counting New%20York' },
    ]);
    expect(await json('artifacts', 'list', runId, '--json')).toMatchObject({
      partitions: [{ id: 'New%20York', artifacts: [{ name: 'count.json' }] }, { id: 'North' }],
    });
    expect(await json('artifacts', 'get', runId, 'New York', 'count.json')).toEqual({ orders: 1 });
    expect(await json('list', '--json', '--limit', '500')).toMatchObject({
      runs: expect.arrayContaining([expect.objectContaining({ runId })]),
    });
    expect(await json('plan', 'count', '--from', 'sales.csv', '--by', 'region', '--json')).toMatchObject({
      partitions: 3,
      rows: 4,
    });
  });

  it('status, partitions and logs show where a function failed', async () => {
    const args = run('count', '--tolerated-failures', '1', '--detach');
    const runId = args.at(args.indexOf('--run-id') + 1)!;
    await cli(project.folder, args);
    expect((await cli(project.folder, ['watch', runId])).stdout).toContain('closed (functions.ts:9)\n');
    expect((await cli(project.folder, ['status', runId])).stdout).toContain('closed (functions.ts:9)\n');
    expect((await cli(project.folder, ['partitions', runId])).stdout).toMatch(/ functions\.ts:9 .*closed\n/);
    const all = await cli(project.folder, ['logs', runId]);
    expect(all.stderr).toBe('✗ South  ExpectationFailed: South is closed (functions.ts:9)\n');
    const one = await cli(project.folder, ['logs', runId, '--partition', 'South']);
    expect(one.stdout).toBe('South                │ counting South\n');
    const page = ['logs', runId, '--partition', 'South'];
    expect((await cli(project.folder, [...page, '--tail', '1', '--search', 'COUNT'])).stdout).toBe(
      one.stdout,
    );
    expect((await cli(project.folder, [...page, '--stream', 'stderr'])).stderr).toBe(
      'Nothing was printed.\n',
    );
    const whole = await cli(project.folder, ['logs', runId, '--tail', '1']);
    expect([whole.code, whole.stderr]).toEqual([2, expect.stringContaining('add --partition ID')]);
    const shown = await cli(project.folder, ['partitions', runId, '--partition', 'South']);
    expect(shown.stdout).toMatch(/^South {2}FAILED\n[^]* attempts +1\n[^]*South is closed\n/);
    expect(one.stderr).toMatch(
      /closed \(functions\.ts:9\)\n +at .*functions\.ts:9:\d+\)\nTo call it on the same rows locally: node \S+ debug \S+ South\n$/,
    );
  });

  it('rows and runs that are left out are counted', async () => {
    const sql = 'SELECT i FROM range(3000) r(i)';
    const args = run('sql', '--only', 'North', '--sql', sql);
    const runId = args.at(args.indexOf('--run-id') + 1)!;
    expect((await cli(project.folder, args)).stdout).toContain('… and 2,980 more rows\n');
    const shown = await cli(project.folder, ['results', runId, '--limit', '200']);
    expect(shown.stdout.split('\n')).toHaveLength(203);
    expect(shown.stdout).toContain('… and 2,800 more rows\n');
    // Selected, sorted, and read by pages.
    const results = (...flags: string[]) => cli(project.folder, ['results', runId, ...flags]);
    const above = await results(
      '--where',
      'i>=1999',
      '--where',
      'region contains nor',
      '--sort=-i',
      '--json',
    );
    const found = JSON.parse(above.stdout) as { region: string; i: number }[];
    expect(found.map(({ i }) => i)).toEqual(Array.from({ length: 1_001 }, (_, n) => 2_999 - n));
    expect(found[0]).toEqual({ region: 'North', i: 2_999 });
    const page = await results('--offset', '2990', '--limit', '4', '--csv');
    expect(page.stdout).toBe('region,i\nNorth,2990\nNorth,2991\nNorth,2992\nNorth,2993\n');
    const some = await results('--offset', '2000', '--limit', '3');
    expect(some.stdout).toContain('… and 997 more rows\n');
    expect((await results('--where', 'i isNull', '--csv')).stdout).toBe('region,i\n');
    expect(await results('--where', 'i')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--where is "i"; it takes a column, one of =, !=, <'),
    });
    expect(await results('--where', 'j = 1')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('There is no column "j".'),
    });
    expect((await cli(project.folder, ['list', '--limit', '1'])).stderr).toMatch(
      /^There are more runs: .* list --limit 10\n$/,
    );
  });

  it('partitions come in pages, rows as CSV, and artifacts in a folder', async () => {
    const args = run('count', '--tolerated-failures', '1', '--json');
    const runId = args.at(args.indexOf('--run-id') + 1)!;
    await cli(project.folder, args);
    const first = await cli(project.folder, ['partitions', runId, '--limit', '2']);
    expect(first.stdout).toMatch(/^partition .*\nNew York +DONE .*\nNorth +DONE .*\n$/);
    const next = /main\.js (partitions .*)$/m.exec(first.stderr)![1]!;
    expect((await cli(project.folder, next.split(' '))).stdout).toMatch(
      /^partition .*\nSouth +FAILED .*South is closed\n$/,
    );
    expect((await cli(project.folder, ['results', runId, '--csv'])).stdout).toBe(
      'region,orders,currency\nNew York,1,\nNorth,2,\n',
    );
    const preview = ['artifacts', 'get', runId, 'North', 'count.json', '--preview'];
    expect(await cli(project.folder, preview)).toMatchObject({
      code: 0,
      stdout: '{\n  "orders": 2\n}\n',
      stderr: expect.stringMatching(/^count\.json: json, \d+ B\.\n$/),
    });
    const described = JSON.parse((await cli(project.folder, [...preview, '--json'])).stdout) as object;
    expect(described).toMatchObject({ name: 'count.json', kind: 'json', checked: true, table: null });
    await cli(project.folder, ['artifacts', 'download', runId, '--to', 'out']);
    expect(await readdir(join(project.folder, 'out'))).toEqual(['New%20York', 'North']);
    expect(JSON.parse(await project.read('out/North/count.json'))).toEqual({ orders: 2 });
    // If one artifact cannot be written, the others still are.
    await mkdir(join(project.folder, 'other/New%20York/count.json'), { recursive: true });
    const some = await cli(project.folder, ['artifacts', 'download', runId, '--to', 'other']);
    expect(some.code).toBe(2);
    expect(some.stderr).toMatch(/^Not downloaded:\nNew York count\.json: EISDIR.*\n1 file in other\n$/);
    expect(JSON.parse(await project.read('other/North/count.json'))).toEqual({ orders: 2 });
  });

  it('output that is not a terminal is complete: errors are not truncated, and JSON artifacts end with a newline', async () => {
    const args = run(
      'count',
      '--tolerated-failures',
      '1',
      '--json',
      '--param',
      `reason=${'long '.repeat(40)}end`,
    );
    const runId = args.at(args.indexOf('--run-id') + 1)!;
    await cli(project.folder, args);
    const unsized = { COLUMNS: '' };
    expect((await cli(project.folder, ['partitions', runId], unsized)).stdout).toContain(' long end\n');
    expect((await cli(project.folder, ['status', runId], unsized)).stdout).toContain(
      ' long end (functions.ts:9)\n',
    );
    expect((await cli(project.folder, ['status', runId], { COLUMNS: '80' })).stdout).toMatch(
      /✗ South {2}ExpectationFailed: (long )+long\n {4}(long )+long\n(.*\n)* {4}(long )*end \(functions\.ts:9\)\n/,
    );
    const { stdout } = await cli(project.folder, ['artifacts', 'get', runId, 'North', 'count.json']);
    expect(stdout).toBe('{\n  "orders": 2\n}\n');
    await cli(project.folder, ['artifacts', 'download', runId]);
    expect(await readdir(join(project.folder, runId))).toEqual(['New%20York', 'North']);
  });

  it('a plan lists each partition once', async () => {
    const { stdout } = await cli(project.folder, ['plan', 'count', '--from', 'sales.csv', '--by', 'region']);
    expect(stdout.match(/^North +2$/gm)).toHaveLength(1);
    expect(stdout).not.toContain('smallest');
  });

  it('the functions of a project are listed with what their code declares', async () => {
    const opened = await Project.open({ projectDir: project.folder });
    const functions = await opened.functions();
    expect(functions.map(({ name }) => name)).toEqual(['count', 'odd', 'wait']);
    expect(functions[0]!.file).toBe(join(project.folder, 'functions.ts'));
    await opened.close();
  });

  it('a warehouse in a folder that does not exist is refused, and the folder is not created (I9)', async () => {
    const args = run('count', '--warehouse', 'duckdb:./nowhere/w.duckdb', '--output', 'summary');
    const { code, stderr } = await cli(project.folder, args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/There is no folder ".*\/nowhere" for the warehouse file/);
    expect(await readdir(project.folder)).not.toContain('nowhere');
  });

  it('Ctrl-C detaches and says how to continue; the run can then be followed and cancelled', async () => {
    const args = run('wait', '--param', 'ms=600000', '--only', 'North');
    const runId = args.at(args.indexOf('--run-id') + 1)!;
    const running = startCli(project.folder, args);
    await running.prints('1 partition, 2 rows');
    running.process.kill('SIGINT');
    const { code, stderr } = await running.finished;
    expect(code).toBe(130);
    expect(stderr).toMatch(new RegExp(`Detached: the run continues\\..*watch ${runId}.*cancel ${runId}`));

    const following = startCli(project.folder, ['logs', runId, '-f']);
    await once(following.process.stdout!, 'data');
    const cancelled = await cli(project.folder, ['cancel', runId]);
    expect(cancelled.code).toBe(0);
    expect(cancelled.stdout).toMatch(new RegExp(`^${runId}  CANCELLED`));
    expect(await following.finished).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('North                │ waiting\n'),
    });
    expect((await cli(project.folder, ['watch', runId])).code).toBe(1);
    const again = await cli(project.folder, ['cancel', runId]);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('has already ended') });
  });

  it('a detached run continues', async () => {
    const args = run('count', '--only', 'North', '--detach', '--json');
    const started = await cli(project.folder, args);
    expect(started.code).toBe(0);
    const { runId } = JSON.parse(started.stdout) as { runId: string };
    const watched = await cli(project.folder, ['watch', runId, '--json']);
    expect(JSON.parse(watched.stdout)).toMatchObject({ status: 'SUCCESS', counts: { total: 1, DONE: 1 } });
  });

  it('a reader that closes the pipe ends the command quietly', async () => {
    const sql = 'SELECT i, repeat(chr(120), 100) AS text FROM range(20000) r(i)';
    const args = run('sql', '--only', 'North', '--json').concat('--sql', sql);
    const runId = args.at(args.indexOf('--run-id') + 1)!;
    expect((await cli(project.folder, args)).code).toBe(0);
    const command = `"${process.execPath}" "${CLI}" results ${runId} --csv | head -n 1; exit \${PIPESTATUS[0]}`;
    const reading = spawn('bash', ['-c', command], {
      cwd: project.folder,
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    let output = '';
    reading.stderr.on('data', (text: Buffer) => (output += text.toString()));
    reading.stdout.resume();
    const [code] = (await once(reading, 'close')) as [number];
    expect({ code, output }).toEqual({ code: 141, output: '' });
  });

  it('doctor says for each part that it is ok, or what to do', async () => {
    const good = await cli(project.folder, ['doctor']);
    expect(good).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /✓ Node.*\n✓ config.*\n✓ Temporal.*\n✓ workers .*@.* on the task queue .*\n✓ warehouse.*\n✓ stage.*\n✓ functions .*: count, odd, wait\n/,
      ),
    });
    await project.write('broken.ts', 'export const x = ;');
    const bad = await cli(project.folder, ['doctor', '--json'], {
      PARTWISE_FUNCTIONS: 'broken.ts',
      PARTWISE_STAGE: 'sales.csv/stage',
    });
    expect(bad.code).toBe(2);
    const { ok, checks } = JSON.parse(bad.stdout) as {
      ok: boolean;
      checks: { name: string; ok: boolean; message: string }[];
    };
    expect({ ok, failed: checks.filter((check) => !check.ok).map(({ name }) => name) }).toEqual({
      ok: false,
      failed: ['stage', 'functions'],
    });
    const functions = checks.find(({ name }) => name === 'functions');
    expect(functions!.message).toMatch(/broken\.ts:1:/);
  });
});

describe('init', () => {
  it.each([
    ['ts', []],
    ['js', ['--js']],
  ])('creates a project in .%s that runs unchanged, and overwrites nothing', async (ending, flags) => {
    const folder = await mkdtemp(join(tmpdir(), 'partwise-init-'));
    const env = {
      TEMPORAL_ADDRESS: SUITE.address,
      TEMPORAL_NAMESPACE: SUITE.namespace,
      PARTWISE_TASK_QUEUE: `init-${ending}-${process.pid}`,
    };
    await writeFile(join(folder, 'package.json'), '{ "type": "commonjs" }');
    const made = await cli(folder, ['init', ...flags]);
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/changed +package\.json/) });
    expect((await readdir(folder)).sort()).toEqual(
      [
        '.gitignore',
        'README.md',
        `functions.${ending}`,
        'functions.test.mjs',
        'package.json',
        `partwise.config.${ending}`,
        'sales.csv',
        ...(ending === 'ts' ? ['tsconfig.json'] : []),
      ].sort(),
    );
    const { scripts, type } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
      scripts: { test: string };
      type: string;
    };
    expect(type).toBe('commonjs');
    await mkdir(join(folder, 'node_modules'));
    await symlink(REPOSITORY, join(folder, 'node_modules', 'partwise'));
    const path = [dirname(process.execPath), process.env.PATH];
    const tested = await run('sh', ['-c', scripts.test], folder, { PATH: path.join(delimiter) });
    expect(tested).toMatchObject({ code: 0, stdout: expect.stringMatching(/pass 2\n/) });

    const worker = startCli(folder, ['worker', '--log-format', 'json'], env);
    try {
      await worker.prints('Executing runs from');
      const { code, stdout } = await cli(
        folder,
        ['run', 'salesByRegion', '--from', 'sales.csv', '--by', 'region', '--json'],
        env,
      );
      expect({ code, state: JSON.parse(stdout) }).toMatchObject({
        code: 0,
        state: { status: 'SUCCESS', counts: { DONE: 4 } },
      });
    } finally {
      worker.process.kill('SIGTERM');
      const { code, stdout } = await worker.finished;
      const logged = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as object);
      expect({ code, logged }).toMatchObject({
        code: 0,
        logged: [
          { type: 'runStarted', function: 'salesByRegion', partitions: 4 },
          { type: 'runEnded', status: 'SUCCESS', counts: { DONE: 4 }, error: null },
        ],
      });
    }

    await writeFile(join(folder, 'sales.csv'), 'mine');
    await rm(join(folder, 'README.md'));
    const again = await cli(folder, ['init', ...flags]);
    expect(again.stdout).toMatch(
      /kept +functions.*\nkept +partwise\.config.*\n(kept .*\n){1,2}kept +sales\.csv +already exists\ncreated +README\.md.*\nkept +\.gitignore.*\nkept +package\.json +it has a script/,
    );
    expect(await readFile(join(folder, '.gitignore'), 'utf8')).toBe(
      'node_modules/\nstage/\n.partwise/\n*.duckdb\n*.duckdb.wal\n',
    );
    expect(await readFile(join(folder, 'sales.csv'), 'utf8')).toBe('mine');
    const { stdout } = await cli(folder, ['init', 'another', ...flags]);
    expect(stdout).toMatch(/created +another\/package\.json +npm test runs the test/);
    await rm(folder, { recursive: true });
  });
});
