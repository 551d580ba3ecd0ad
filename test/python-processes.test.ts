/** The processes of a Python runner (guard, runner, zygote) end with each other and with their worker. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { explainDeath, type DeathWords } from '../src/runners/exit-reason';
import { bundleFunctions } from '../src/runners/functions-file';
import type { FunctionBundle } from '../src/runners/language';
import { RunnerPool } from '../src/runners/pool';
import type { RunnerUnit } from '../src/runners/protocol';
import { python } from '../src/runners/python/language';
import { stackOf } from '../src/runners/python/where';
import { gone, isAlive } from './support/processes';
import { REPOSITORY } from './support/project';
import { hasPython, PYTHON } from './support/python-server';
import { makeFolder, makeSnapshot, readRows, run, unitOf } from './support/runner-unit';
import { until } from './support/until';

const SECRETS = {
  PARTWISE_SECRET: 'secret-of-the-project',
  TEMPORAL_API_KEY: 'secret-of-temporal',
  AWS_SECRET_ACCESS_KEY: 'secret-of-the-stage',
  SNOWFLAKE_PASSWORD: 'secret-of-the-warehouse',
};
const project = { python: PYTHON };

let folder: string;
let pool: RunnerPool;
let bundle: FunctionBundle;

/** The pids that the function wrote: its own, and its parent's. */
async function pidsOfCall(): Promise<[runner: number, parent: number]> {
  const file = join(folder, 'pids');
  await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'));
  const [runner, parent] = readFileSync(file, 'utf8').split(' ').map(Number);
  return [runner!, parent!];
}

/** A worker that runs one partition on a runner, which may continue for `leaseMs` without it. */
async function startWorker(does: string, leaseMs: number): Promise<{ worker: ChildProcess; guard: number }> {
  const scratch = join(folder, 'scratch-of-worker');
  mkdirSync(scratch, { recursive: true });
  const request = { folder, bundle, name: 'misbehaving', ordinals: [0] };
  const unit = { ...unitOf(request, scratch), params: { k0: does } };
  const program = `
    const { RunnerPool } = require('./dist/runners/pool.js');
    const { python } = require('./dist/runners/python/language.js');
    const { unit, options } = JSON.parse(process.argv[1]);
    const wanted = { language: python, digest: 'any', bundle: unit.bundle, memoryBytes: 500_000_000, gpus: 0 };
    new RunnerPool(options).acquire(wanted).then((runner) => {
      runner.listen({ onMessage: () => undefined });
      runner.setLease(() => ${leaseMs});
      runner.send({ type: 'unit', unit });
      console.log(runner.pid);
    });`;
  const told = JSON.stringify({ unit, options: { size: 1, ...project, cwd: folder } });
  const worker = spawn(process.execPath, ['-e', program, told], {
    cwd: REPOSITORY,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed] = await once(worker.stdout!, 'data');
  return { worker, guard: Number(String(printed)) };
}

(hasPython ? describe : describe.skip)('the processes of a Python runner', () => {
  beforeAll(async () => {
    folder = makeFolder();
    for (const file of ['python_functions.py', 'python_helper.py', 'python_helper_inside.py'])
      cpSync(join(__dirname, 'support', file), join(folder, file));
    await makeSnapshot(folder, 3, 1);
    bundle = await bundleFunctions(join(folder, 'python_functions.py'), join(folder, 'functions'), project);
    Object.assign(process.env, SECRETS);
    pool = new RunnerPool({ size: 1, ...project, cwd: folder });
  });
  afterEach(() => rmSync(join(folder, 'pids'), { force: true }));
  afterAll(async () => {
    await pool.close();
    for (const name of Object.keys(SECRETS)) delete process.env[name];
    rmSync(folder, { recursive: true, force: true });
  });

  const runFirst = (does: string, onCall?: () => void, of = pool) =>
    run({
      pool: of,
      folder,
      bundle,
      name: 'misbehaving',
      ordinals: [0, 1, 2],
      maximumLosses: 1,
      unit: { params: { k0: does } },
      onCall,
    });

  const expectNoSecrets = (shown: unknown): void => {
    expect(shown).toContain('PATH=');
    for (const secret of Object.values(SECRETS)) expect(shown).not.toContain(secret);
  };

  test('have no credential of their worker (I11)', async () => {
    const { files } = await runFirst('show the environment');
    const [{ n: ofRunnerAndParent }] = (await readRows(files)) as [{ n: string }];
    expectNoSecrets(ofRunnerAndParent);
    const [guard] = pool.pids as [number];
    if (process.platform === 'linux') expectNoSecrets(readFileSync(`/proc/${guard}/environ`, 'utf8'));
  });

  test('say who may have killed them, as far as the system knows', () => {
    const said = (memoryRanOut: boolean | null): string => {
      const death = {
        code: null,
        signal: 'SIGKILL',
        stderr: '',
        memoryBytes: 1,
        stack: null,
        memoryRanOut,
      } as const;
      return explainDeath(death, { exhausted: { pattern: /^x/ } } as DeathWords).message;
    };
    expect(said(false)).toContain(
      'by the function or another process: the system did not run out of memory.',
    );
    expect(said(true)).toContain('most likely by the system, which ran out of memory');
    expect(said(null)).toContain(
      'by the function, another process, or the system when it ran out of memory.',
    );
  });

  test('say where a function was, whatever it has written to their record itself (I5)', () => {
    const frame = (name: string): string =>
      `Stack (most recent call first):\n  File "/${name}.py", line 3 in f\n`;
    expect(stackOf(frame('\\xe9\\U0001f600\\Uffffffff'))).toContain('"/é😀\\Uffffffff.py", line 3, in f');
  });

  (process.platform === 'linux' ? test : test.skip)(
    'keep their zygote, which only this user reaches, when one gets an archive that cannot be read (I5)',
    async () => {
      const zygotes = (): string =>
        execFileSync('pgrep', ['-a', '-P', String(process.pid), '-f', 'zygote.py'], { encoding: 'utf8' });
      await runFirst('nothing');
      const before = zygotes();
      const [, socket] = /zygote\.py (\S+)/.exec(before)!;
      expect(statSync(dirname(socket!)).mode & 0o777).toBe(0o700);
      const path = join(folder, 'broken.pyz');
      writeFileSync(path, 'no archive');
      const request = { pool, folder, bundle: { digest: 'broken', path }, ordinals: [0] };
      const { failed } = await run({ ...request, name: 'misbehaving', mayFail: true });
      expect(failed?.error.message).toContain('not a zip file');
      expect(zygotes()).toBe(before);
    },
  );

  describe('of a call to debug', () => {
    const callHere = async (does: string, unit: Partial<RunnerUnit> = {}) => {
      const scratch = makeFolder();
      try {
        const request = { folder, bundle, name: 'misbehaving', ordinals: [1] };
        const called = await python.callHere!({
          project: { ...project, cwd: folder },
          unit: { ...unitOf(request, scratch), params: { k1: does }, ...unit },
          onLog: () => undefined,
          onDownload: () => Promise.reject(new Error('There is nothing to download.')),
          onModel: () => Promise.resolve(null),
          access: null,
          signal: new AbortController().signal,
        });
        return { ...called, rows: called.rowsFiles.length === 0 ? [] : await readRows(called.rowsFiles) };
      } finally {
        rmSync(scratch, { recursive: true });
      }
    };

    test('are one, which hands over the outcome and has no credential of the command (I11)', async () => {
      const { outcome, rows } = await callHere('nothing');
      expect(outcome).toMatchObject({ id: 'k1', status: 'DONE', attempts: 1 });
      expect(rows).toMatchObject([{ region: 'k1', n: '1' }]);
      expect((await callHere('sys.exit')).outcome).toMatchObject({
        error: { type: 'SystemExit', message: 'no' },
      });
      expectNoSecrets((await callHere('show the environment')).rows[0]!['n']);
    });

    test('reject the call if the function ends them, or the debugger is not installed', async () => {
      await expect(callHere('os._exit')).rejects.toThrow(
        "The function's process ended (exit code 3) before the function did.",
      );
      // The notebooks' packages bring debugpy along, which would wait for an editor.
      const hiding = join(folder, 'hiding');
      mkdirSync(hiding);
      writeFileSync(join(hiding, 'debugpy.py'), 'raise ImportError\n');
      process.env.PYTHONPATH = hiding;
      try {
        await expect(callHere('nothing', { pause: true })).rejects.toThrow(
          /^--inspect needs the package debugpy, and .* has none: run `.* -m pip install debugpy`/,
        );
      } finally {
        delete process.env.PYTHONPATH;
      }
    });
  });

  test.each(['wait to be killed', 'wait with the lock'])(
    'end with their worker when that is killed and a function would %s (I12)',
    async (does) => {
      const { worker, guard } = await startWorker(does, 60_000);
      const [runner, zygote] = await pidsOfCall();
      worker.kill('SIGKILL');
      for (const pid of [runner, guard, zygote]) await gone(pid);
    },
  );

  test('end when their worker is frozen for longer than its lease (I4)', async () => {
    const { worker, guard } = await startWorker('wait with the lock', 1_000);
    const [runner] = await pidsOfCall();
    worker.kill('SIGSTOP');
    for (const pid of [runner, guard]) await gone(pid);
    worker.kill('SIGKILL');
  });

  (process.platform === 'linux' ? test : test.skip)(
    'stay when their zygote takes no more of them, and others start without it (I5)',
    async () => {
      // Another environment has a zygote of its own.
      const poolWith = (): RunnerPool =>
        new RunnerPool({ size: 1, ...project, cwd: folder, passEnv: ['NONE'] });
      const [one, other] = [poolWith(), poolWith()];
      const call = pidsOfCall();
      const running = runFirst('wait to be killed', undefined, one);
      const [runner, zygote] = await call;
      process.kill(zygote, 'SIGTERM');
      expect((await runFirst('nothing', undefined, other)).summary).toEqual([
        'k0: DONE',
        'k1: DONE',
        'k2: DONE',
      ]);
      expect([runner, zygote].map(isAlive)).toEqual([true, true]);
      // The worker was told, so that later runners do not ask a zygote that may hang.
      const third = poolWith();
      await runFirst('nothing', undefined, third);
      const commandOf = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      const guards = [one, other, third].map(({ pids }) => commandOf(pids[0]!));
      expect(guards.map((command) => command.includes('partwise-zygote'))).toEqual([true, true, false]);
      process.kill(runner, 'SIGKILL');
      expect((await running).summary).toEqual(['k0: INTERNAL_ERROR RunnerKilled', 'k1: DONE', 'k2: DONE']);
      await Promise.all([one.close(), other.close(), third.close()]);
      await gone(zygote);
    },
  );

  test.each(['guard', 'runner', 'zygote'])(
    'end with their %s, and only the running partition is lost (I5)',
    async (victim) => {
      const call = pidsOfCall();
      const running = runFirst('wait with the lock');
      const [runner, parent] = await call;
      const [guard] = pool.pids as [number];
      process.kill({ guard, runner, zygote: parent }[victim]!, 'SIGKILL');
      const { summary } = await running;
      expect(summary).toEqual(['k0: INTERNAL_ERROR RunnerKilled', 'k1: DONE', 'k2: DONE']);
      for (const pid of [guard, runner]) await gone(pid);
      if (process.platform === 'linux') expect(isAlive(parent)).toBe(victim !== 'zygote');
    },
  );

  (process.platform === 'linux' ? test : test.skip)(
    'get a new zygote when theirs was killed, and are children of their guard without one',
    async () => {
      const end = async (lost: number): Promise<[runner: number, parent: number]> => {
        const call = pidsOfCall();
        const running = runFirst('wait to be killed');
        const pids = await call;
        process.kill(pids[lost]!, 'SIGKILL');
        expect((await running).summary).toEqual(['k0: INTERNAL_ERROR RunnerKilled', 'k1: DONE', 'k2: DONE']);
        rmSync(join(folder, 'pids'));
        return pids;
      };
      const [, killed] = await end(1);
      const [, zygote] = await end(0);
      expect(zygote).not.toBe(killed);
      expect(pool.pids).not.toContain(zygote);
      expect(isAlive(zygote)).toBe(true);
      // It takes no more.
      process.kill(zygote, 'SIGTERM');
      await end(0);
      const [, guard] = await end(0);
      expect(pool.pids).not.toContain(guard);
    },
  );
});
