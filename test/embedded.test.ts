import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  attachEmbedded,
  backgroundState,
  connectTemporal,
  endBackground,
  runHostInForeground,
  type TemporalEvent,
} from '../src/temporal';
import { connectHost } from '../src/temporal/host/connection';
import type { HostState } from '../src/temporal/host/protocol';
import { isFree } from '../src/temporal/ports';
import { isAlive } from '../src/files/is-alive';
import { commandLine, gone } from '../src/temporal/processes';
import { readJson, stateFolder, writeJson } from '../src/temporal/state-folder';
import { itLong } from './support/long';

const SOON_MS = 30_000;
const workerEntry = join(__dirname, 'support', 'stand-in-worker.js');

let projectDir: string;
let events: TemporalEvent[];
let commands: ChildProcess[];
const cleanUps: (() => unknown)[] = [];

beforeEach(() => {
  projectDir = realpathSync(mkdtempSync(join(tmpdir(), 'partwise-embedded-')));
  events = [];
  commands = [];
});

afterEach(async () => {
  for (const command of commands) command.kill('SIGKILL');
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  const host = await backgroundState(projectDir);
  await endBackground(projectDir);
  if (host) await gone(host.pid, SOON_MS);
  const left = processesOfProject();
  for (const pid of left) process.kill(pid, 'SIGKILL');
  rmSync(projectDir, { recursive: true, force: true });
  expect(left).toEqual([]);
});

/** Options that all commands of the project share. */
function options(
  more: { idleMs?: number; taskQueue?: string; env?: NodeJS.ProcessEnv; needWorker?: boolean } = {},
) {
  const { idleMs = 60_000, taskQueue, env, needWorker } = more;
  return {
    projectDir,
    settings: { taskQueue },
    workerEntry,
    needWorker,
    env: { ...process.env, PARTWISE_IDLE_MS: String(idleMs), ...env },
    onEvent: (event: TemporalEvent) => void events.push(event),
  };
}

async function attach(more: Parameters<typeof options>[0] = {}) {
  const embedded = await attachEmbedded(options(more));
  cleanUps.push(() => embedded.close());
  return embedded;
}

/** Attaches from a separate process; resolves with the address it prints. */
async function command(): Promise<{ address: string; process: ChildProcess }> {
  const { onEvent: _, ...plain } = options();
  const child = spawn(
    process.execPath,
    [join(__dirname, 'support', 'attach-command.js'), JSON.stringify(plain)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  commands.push(child);
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  return { address: line.toString().trim(), process: child };
}

/** Watches the host without counting as attached, until its state is as wanted. */
async function hostState(wanted: (state: HostState) => boolean = () => true): Promise<HostState> {
  const host = await connectHost(stateFolder(projectDir), { attach: false });
  if (host === null) throw new Error('There is no host.');
  try {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`It is still ${JSON.stringify(host.state)}`)), SOON_MS);
      const look = () => {
        if (!wanted(host.state)) return;
        clearTimeout(timer);
        resolve(host.state);
      };
      host.onChange = look;
      look();
    });
  } finally {
    host.close();
  }
}

async function event(type: TemporalEvent['type']): Promise<TemporalEvent> {
  const deadline = Date.now() + SOON_MS;
  for (;;) {
    const found = events.find((candidate) => candidate.type === type);
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`No ${type} among ${events.map((e) => e.type).join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function behave(behaviour: { refuses?: string; crashes?: string; open?: number; cleansUp?: boolean }): void {
  writeFileSync(join(projectDir, 'stand-in.json'), JSON.stringify(behaviour));
}

function workersStarted(): number[] {
  return readFileSync(join(projectDir, 'workers.log'), 'utf8').trim().split('\n').map(Number);
}

/**
 * Hosts have the folder in their environment, servers in their arguments, workers in both; Linux shows them.
 */
function processesOfProject(): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
        const ours = /PARTWISE_(HOST|WORKER)=/.test(environment) && environment.includes(`"${projectDir}"`);
        return ours || commandLine(pid).includes(join(projectDir, '.partwise'));
      } catch {
        return false;
      }
    });
}

describe('sharing', () => {
  test('the first command starts a server and a worker, and the next one finds them', async () => {
    const first = await attach();
    const { pid, server } = await hostState();
    const second = await attach();

    expect(second.address).toBe(first.address);
    expect(await hostState()).toMatchObject({ pid, server: { pid: server.pid }, attached: 2 });
    expect(first).toMatchObject({ namespace: 'default', taskQueue: 'partwise' });
  });

  test('two concurrent commands share one host, one server and one worker', async () => {
    const [first, second, third] = await Promise.all([command(), command(), command()]);

    expect([second.address, third.address]).toEqual([first.address, first.address]);
    expect(await hostState()).toMatchObject({ attached: 3 });
    expect(workersStarted()).toHaveLength(1);
  });

  test('closed runs stay readable for ninety days', async () => {
    const session = await connectTemporal(options());
    const { config } = await session.connection.workflowService.describeNamespace({ namespace: 'default' });
    await session.close();

    expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(90 * 24 * 3600);
  });

  test("the host's address and token and the server's data are readable only by their owner, and git ignores them", async () => {
    await attach();
    const { database, hostFile, path } = stateFolder(projectDir);

    expect(statSync(hostFile).mode & 0o777).toBe(0o600);
    expect(statSync(database).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(path, '.gitignore'), 'utf8')).toBe('*\n');
  });

  test('an idle host of another build or with other settings is replaced', async () => {
    (await attach()).close();
    const before = await hostState(({ attached }) => attached === 0);
    const embedded = await attach({ taskQueue: 'other' });

    expect(embedded.taskQueue).toBe('other');
    expect((await hostState()).pid).not.toBe(before.pid);
    expect(isAlive(before.pid)).toBe(false);
  });

  test('a host with other Snowflake credentials is replaced, and one with only another driver log level is not', async () => {
    (await attach()).close();
    const first = await hostState(({ attached }) => attached === 0);
    (await attach({ env: { SNOWFLAKE_DISABLE_MINICORE: 'true' } })).close();
    const second = await hostState(({ attached }) => attached === 0);
    await attach({ env: { SNOWFLAKE_HOME: projectDir } });

    expect(second.pid).toBe(first.pid);
    expect((await hostState()).pid).not.toBe(first.pid);
  });

  test('a host with other S3 credentials is replaced', async () => {
    (await attach({ env: { AWS_PROFILE: 'one', AWS_SDK_JS_QUIET: '1' } })).close();
    const first = await hostState(({ attached }) => attached === 0);
    (await attach({ env: { AWS_PROFILE: 'one' } })).close();
    expect((await hostState(({ attached }) => attached === 0)).pid).toBe(first.pid);
    await attach({ env: { AWS_PROFILE: 'two' } });
    expect((await hostState()).pid).not.toBe(first.pid);
  });

  test('a command that needs the worker gets one with its environment, without variables that were unset', async () => {
    (await attach({ env: { RATE: '1' } })).close();
    const first = await hostState(({ attached }) => attached === 0);
    // Reading needs no worker, and a terminal's own variables do not matter.
    (await attach({ env: { RATE: '2' }, needWorker: false })).close();
    (await attach({ env: { RATE: '1', TERM_SESSION_ID: 'x', SHLVL: '9' } })).close();
    const same = await hostState(({ attached }) => attached === 0);
    await attach();
    const fresh = await hostState();

    expect(same.pid).toBe(first.pid);
    expect(fresh.pid).not.toBe(first.pid);
    expect((await event('hostReplaced')).message).toContain('whose environment was another one (RATE)');
    expect(readFileSync(`/proc/${fresh.worker.pid!}/environ`, 'utf8')).not.toContain('RATE=');
  });

  test('a host of another build is kept while runs are open, and the command says so', async () => {
    behave({ open: 1 });
    (await attach()).close();
    const before = await hostState(({ attached, openRuns }) => attached === 0 && openRuns === 1);
    const embedded = await attach({ taskQueue: 'other' });

    expect(embedded.taskQueue).toBe('partwise');
    expect((await hostState()).pid).toBe(before.pid);
    expect(events.map(({ type }) => type)).toContain('hostOutdated');
  });
});

describe('kill -9', () => {
  test('of the command leaves server and worker running for the next one', async () => {
    const first = await command();
    const before = await hostState(({ attached }) => attached === 1);
    first.process.kill('SIGKILL');
    await hostState(({ attached }) => attached === 0);

    expect((await command()).address).toBe(first.address);
    expect(await hostState()).toMatchObject({
      pid: before.pid,
      worker: { pid: before.worker.pid, status: 'ready' },
    });
  });

  test("of the worker recovers without a command, even if the host's log is on a full disk", async () => {
    if (existsSync('/dev/full')) {
      mkdirSync(join(projectDir, '.partwise'), { mode: 0o700 });
      symlinkSync('/dev/full', join(projectDir, '.partwise', 'host.log'));
    }
    await attach();
    const { worker } = await hostState();
    process.kill(worker.pid!, 'SIGKILL');

    const after = await hostState(
      (state) => state.worker.status === 'ready' && state.worker.pid !== worker.pid,
    );
    expect(workersStarted()).toEqual([worker.pid, after.worker.pid]);
  });

  test('of the server recovers without a command, on the same port and with the same runs', async () => {
    const session = await connectTemporal(options());
    const { server } = await hostState();
    const started = await session.client.workflow.start('anything', {
      workflowId: 'kept',
      taskQueue: 'nobody',
    });
    process.kill(server.pid!, 'SIGKILL');

    const after = await hostState(
      (state) => state.server.status === 'ready' && state.server.pid !== server.pid,
    );
    expect(after.address).toBe(session.address);
    const { runId } = await session.client.workflow.getHandle('kept').describe();
    expect(runId).toBe(started.firstExecutionRunId);
    await session.close();
  });

  test('of the host makes an attached command start another, which adopts the server', async () => {
    const { address } = await attach();
    const before = await hostState();
    process.kill(before.pid, 'SIGKILL');
    await event('hostLost');
    // Two ways to detect the new host: its file, and its answer.
    await gone(before.worker.pid!, SOON_MS);
    await attach();

    const after = await hostState();
    expect(after).toMatchObject({ address, server: { pid: before.server.pid, status: 'ready' } });
    expect(after.pid).not.toBe(before.pid);
    expect(isAlive(before.worker.pid!)).toBe(false);
  });

  test('of the host makes the next command adopt the server, which then recovers like its own', async () => {
    (await attach()).close();
    const before = await hostState();
    process.kill(before.pid, 'SIGKILL');
    await gone(before.pid, SOON_MS);
    const { address } = await attach();
    expect(await hostState()).toMatchObject({ address: before.address, server: { pid: before.server.pid } });

    process.kill(before.server.pid!, 'SIGKILL');
    const after = await hostState(
      ({ server }) => server.status === 'ready' && server.pid !== before.server.pid,
    );
    expect(after.address).toBe(address);
  });

  test('of the host and the server makes the next command start both on the same data', async () => {
    const session = await connectTemporal(options());
    await session.client.workflow.start('anything', { workflowId: 'kept', taskQueue: 'nobody' });
    await session.close();
    const { pid, server } = await hostState();
    process.kill(pid, 'SIGKILL');
    process.kill(server.pid!, 'SIGKILL');
    await gone(server.pid!, SOON_MS);

    const next = await connectTemporal(options());
    expect((await next.client.workflow.getHandle('kept').describe()).status.name).toBe('RUNNING');
    await next.close();
  });

  test('of the host makes its worker end the server if no command comes', async () => {
    behave({ cleansUp: true });
    (await attach()).close();
    const { pid, server, worker } = await hostState();
    process.kill(pid, 'SIGKILL');

    expect(await gone(worker.pid!, SOON_MS)).toBe(true);
    expect(isAlive(server.pid!)).toBe(false);
  });
});

describe('shutdown', () => {
  test('the background processes end after an idle period', async () => {
    const embedded = await attach({ idleMs: 300 });
    const { pid, server, worker } = await hostState();
    embedded.close();

    expect(await gone(pid, SOON_MS)).toBe(true);
    expect([server.pid, worker.pid].map((child) => isAlive(child!))).toEqual([false, false]);
    expect(existsSync(stateFolder(projectDir).hostFile)).toBe(false);
    expect(existsSync(stateFolder(projectDir).lock)).toBe(false);
  });

  test('an open run keeps them running', async () => {
    behave({ open: 1 });
    const embedded = await attach({ idleMs: 300 });
    const { pid } = await hostState(({ openRuns }) => openRuns === 1);
    embedded.close();
    // It takes time to see that nothing happens.
    expect(await gone(pid, 1_500)).toBe(false);

    behave({ open: 0 });
    expect(await gone(pid, SOON_MS)).toBe(true);
  });

  test('they end when the state folder is removed', async () => {
    const embedded = await attach();
    const { pid, server } = await hostState();
    embedded.close();
    rmSync(stateFolder(projectDir).path, { recursive: true, force: true });

    expect(await gone(pid, SOON_MS)).toBe(true);
    expect(isAlive(server.pid!)).toBe(false);
  });
});

describe('start-up problems', () => {
  test('when a worker refuses to start, the command gets the reason, and the next one tries again', async () => {
    behave({ refuses: 'partwise.config.ts: `warehouse` must be a text.' });
    await expect(attach()).rejects.toThrow(
      'The worker of this project cannot start: partwise.config.ts: `warehouse` must be a text.',
    );
    expect(workersStarted()).toHaveLength(1);

    behave({});
    await attach();
    expect(workersStarted()).toHaveLength(2);
  });

  test('a worker that crashes during start-up is started five times, and its last output is reported', async () => {
    behave({ crashes: 'no such thing' });
    await expect(attach()).rejects.toThrow(
      /cannot start: the worker exited \(code 1\): TypeError: no such thing$/,
    );
    expect(workersStarted()).toHaveLength(5);
  });

  test('finished runs can be read while the worker cannot start', async () => {
    behave({ refuses: 'no' });
    const session = await connectTemporal({ ...options(), needWorker: false });
    expect(await session.client.workflow.count()).toMatchObject({ count: 0 });
    await session.close();
  });

  async function recognised(answer: ((server: Server) => void) | null): Promise<void> {
    const stranger = createServer();
    answer?.(stranger);
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const callers = new Set<Socket>();
    stranger.on('connection', (socket) => callers.add(socket));
    cleanUps.push(() => {
      for (const socket of callers) socket.destroy();
      stranger.close();
    });
    const { port } = stranger.address() as { port: number };
    if (answer === null) stranger.close();
    (await attach()).close();
    const { pid } = await hostState();
    process.kill(pid, 'SIGKILL');
    await gone(pid, SOON_MS);
    const { hostFile } = stateFolder(projectDir);
    writeJson(hostFile, { ...readJson(hostFile), port });

    await attach();
    expect((await hostState()).pid).not.toBe(pid);
  }

  test('a host.json left by a killed host is recognised as stale, with another program that does not answer on its port', () =>
    recognised((server) => server.on('connection', (socket) => socket.on('error', () => {}))));

  itLong('a host.json left by a killed host is recognised as stale, with nothing on its port', () =>
    recognised(null),
  );

  itLong(
    'a host.json left by a killed host is recognised as stale, with another program that answers differently on its port',
    () => recognised((server) => server.on('connection', (socket) => socket.end('HTTP/1.1 400\r\n\r\n'))),
  );

  test('a lock left by a killed command costs only seconds', async () => {
    const folder = stateFolder(projectDir);
    mkdirSync(folder.lock, { recursive: true });

    await attach();
    expect(await hostState()).toMatchObject({ attached: 1 });
  });

  test('a copy of a project gets its own server, although the files of the running one were copied too', async () => {
    const original = await attach();
    const copy = `${projectDir}-copy`;
    cpSync(projectDir, copy, { recursive: true });
    const embedded = await attachEmbedded({ ...options(), projectDir: copy });
    cleanUps.push(async () => {
      // First, or it starts the background process again.
      embedded.close();
      await endBackground(copy);
      rmSync(copy, { recursive: true, force: true });
    });

    expect(embedded.address).not.toBe(original.address);
    expect((await backgroundState(copy))?.server.takenUp).toBe(false);
  });

  test('a process that reuses the pid of a dead server is left alone', async () => {
    const bystander = spawn('sleep', ['60']);
    cleanUps.push(() => bystander.kill('SIGKILL'));
    (await attach({ idleMs: 100 })).close();
    const { pid } = await hostState();
    await gone(pid, SOON_MS);
    const { serverFile } = stateFolder(projectDir);
    writeJson(serverFile, { ...readJson(serverFile), pid: bystander.pid });

    await attach();
    expect(isAlive(bystander.pid!)).toBe(true);
    expect((await hostState()).server.pid).not.toBe(bystander.pid);
  });
});

describe('partwise dev', () => {
  function dev() {
    const ending = new AbortController();
    const { env: _, ...rest } = options();
    const ended = runHostInForeground({ ...rest, signal: ending.signal });
    cleanUps.push(async () => {
      ending.abort();
      await ended;
    });
    return { ended, end: () => ending.abort() };
  }

  test('takes port 7233 if it is free, and ends server and worker on a signal', async () => {
    const wanted = (await isFree(7233)) ? /:7233$/ : /:\d+$/;
    const { end, ended } = dev();
    await event('workerReady');
    const ready = await event('serverReady');
    const { server, worker, foreground } = await hostState();
    expect(ready).toMatchObject({ address: expect.stringMatching(wanted) });
    expect(foreground).toBe(true);

    end();
    await ended;
    expect([server.pid, worker.pid].map((pid) => isAlive(pid!))).toEqual([false, false]);
  });

  test('takes over from a background host, including its runs', async () => {
    const session = await connectTemporal(options());
    await session.client.workflow.start('anything', { workflowId: 'kept', taskQueue: 'nobody' });
    await session.close();
    const before = await hostState();
    dev();
    await event('workerReady');
    expect(isAlive(before.pid)).toBe(false);

    const next = await connectTemporal(options());
    expect((await next.client.workflow.getHandle('kept').describe()).status.name).toBe('RUNNING');
    await next.close();
  });

  test('is refused if the project already has one', async () => {
    dev();
    await event('workerReady');
    await expect(runHostInForeground(options())).rejects.toThrow(
      `\`partwise dev\` is already running for this project, as process ${process.pid}, with its server at 127.0.0.1:`,
    );
  });
});
