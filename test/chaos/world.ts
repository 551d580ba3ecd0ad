/**
 * Everything real that a seed needs: a project in a temporary folder, a Temporal server, workers, and
 * commands.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { Partwise } from '../../src/index';
import { openStage, type Stage } from '../../src/stage';
import { findTemporalBinary } from '../../src/temporal/binary/find-binary';
import { startServer } from '../../src/temporal/host/server';
import { stateFolder } from '../../src/temporal/state-folder';
import { encrypting } from '../../src/trust/encryption-codec';
import { PayloadKeys } from '../../src/trust/payload-keys';
import { isAlive } from '../support/processes';
import { Calls } from './calls';
import { Machine } from './machine';
import type { Scenario } from './scenario';
import { Source } from './source';

const REPOSITORY = resolve(__dirname, '../..');
/** What runners execute; their first argument is their worker's pid. */
const RUNNER = join(REPOSITORY, 'dist/runners/node/main.js');
const TASK_QUEUE = 'chaos';
/** Time limit for any single wait; then the seed has failed, and reports what it waited for. */
const PATIENCE_MS = 300_000;

type Server = Awaited<ReturnType<typeof startServer>>;

/** What a command prints that got no answer from the server. */
export const UNANSWERED = /No Temporal server responds/;

/** A DONE outcome in a checkpoint, with the time at which the checkpoint appeared. */
export interface RecordedAt {
  ordinal: number;
  at: number;
  segment: string;
}

/** A running command. */
export interface Command {
  readonly process: ChildProcess;
  /** Null if it was killed. */
  readonly exitCode: Promise<number | null>;
  /** What it has printed. */
  readonly text: () => string;
}

const KEY = { id: 'chaos', env: 'PARTWISE_KEY_CHAOS' };

export class World {
  readonly runId: string;
  readonly calls: Calls;
  /** Strings that must not occur in anything left behind. */
  readonly canaries: string[];
  readonly workers: ChildProcess[] = [];
  /** Skipped partitions, and when they were skipped. */
  readonly skipped: { id: string; at: number }[] = [];
  /** Files that were put in place of planned ones, by partition. */
  readonly replaced = new Set<string>();
  /** Undo what an execution must end with: a flipped bit, a replaced file. */
  readonly repairs: (() => void)[] = [];
  /** Checkpoints before leftovers were removed. */
  readonly segments: RecordedAt[] = [];
  /** The console, if one was needed. */
  console: Command | null = null;
  readonly #commands = new Set<ChildProcess>();
  #logs = 0;

  private constructor(
    readonly folder: string,
    readonly scenario: Scenario,
    readonly machine: Machine,
    private server: Server,
    readonly connection: Connection,
    readonly client: Client,
    readonly partwise: Partwise,
    readonly source: Source,
  ) {
    this.runId = `chaos/${scenario.seed} Run`;
    this.calls = new Calls(join(folder, 'calls.log'));
    this.canaries = canariesOf(scenario.seed);
  }

  get project(): string {
    return projectFolder(this.folder, this.machine);
  }

  /** The stage's folder. */
  get stage(): string {
    return join(this.machine.disk?.folder ?? this.project, 'stage');
  }

  /** Decrypts, if the stage is encrypted. */
  openStage(): Stage {
    return openStage(`${this.scenario.encrypted ? 'encrypted:' : ''}${pathToFileURL(this.stage).href}`);
  }

  get warehouse(): string {
    return this.source.warehouse;
  }

  /** In parameters, returned rows and artifacts: what encryption has to hide. */
  get value(): string {
    return `value-${this.scenario.seed}-c41d`;
  }

  /** While it exists, calls wait at their beginning, so the run cannot end. */
  get holdFile(): string {
    return join(this.folder, 'hold');
  }

  async whileHeld<T>(act: () => Promise<T>): Promise<T> {
    writeFileSync(this.holdFile, '');
    try {
      return await act();
    } finally {
      rmSync(this.holdFile);
    }
  }

  get fixedFile(): string {
    return join(this.folder, 'fixed');
  }

  static async make(scenario: Scenario): Promise<World> {
    const machine = Machine.make(scenario);
    try {
      return await World.on(machine, scenario);
    } catch (error) {
      machine.remove();
      throw error;
    }
  }

  private static async on(machine: Machine, scenario: Scenario): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), `partwise-chaos-${scenario.seed}-`));
    const project = projectFolder(folder, machine);
    for (const path of [project, join(folder, 'server'), join(folder, 'log')]) await mkdir(path);
    // For this process, which reads the stage and histories like any other.
    if (scenario.encrypted) process.env[KEY.env] = randomBytes(32).toString('base64');
    const binary = await findTemporalBinary({ projectDir: project, env: process.env });
    const source = new Source(scenario, project);
    const server = await startServer(serverOptions(folder, binary), null);
    await server.ready;
    const { address } = server;
    await mkdir(join(project, 'node_modules'));
    await symlink(REPOSITORY, join(project, 'node_modules', 'partwise'));
    await copyFile(join(__dirname, 'functions.ts'), join(project, 'functions.ts'));
    await copyFile(join(__dirname, 'scenario.ts'), join(project, 'scenario.ts'));
    await copyFile(join(__dirname, 'random.ts'), join(project, 'random.ts'));
    const stage = machine.disk === null ? './stage' : join(machine.disk.folder, 'stage');
    const config = {
      functions: './functions.ts',
      warehouse: 'duckdb:./w.duckdb',
      stage: scenario.encrypted ? `encrypted:${stage}` : stage,
      temporal: {
        address,
        taskQueue: TASK_QUEUE,
        tls: false,
        apiKey: canariesOf(scenario.seed)[0],
        ...(scenario.encrypted && { encryption: { keys: [KEY] } }),
      },
      worker: { runners: 2 },
    };
    writeFileSync(join(project, 'partwise.config.json'), JSON.stringify(config));
    writeFileSync(join(folder, 'calls.log'), '');
    writeFileSync(join(folder, 'behaviours.json'), JSON.stringify(behavioursOf(scenario, source)));
    const connection = await Connection.connect({ address });
    const keys = new PayloadKeys(scenario.encrypted ? [KEY] : [], process.env);
    const client = new Client({ connection, dataConverter: encrypting(undefined, keys) });
    const partwise = await Partwise.connect({ projectDir: project });
    const world = new World(folder, scenario, machine, server, connection, client, partwise, source);
    await source.make();
    return world;
  }

  /** Partition ids. */
  get ids(): string[] {
    return this.source.ids;
  }

  /** The argument of the workflow. */
  get input(): Record<string, unknown> {
    return {
      function: 'chaos',
      ...this.source.input,
      params: this.#params,
      output: { table: 'summary' },
      options: this.scenario.options,
    };
  }

  get #params(): Record<string, unknown> {
    return {
      calls: this.calls.file,
      behaviours: join(this.folder, 'behaviours.json'),
      fixed: this.fixedFile,
      hold: this.holdFile,
      value: this.value,
      bootedAt: Date.now() - Number(process.hrtime.bigint()) / 1e6,
      oddities: this.scenario.oddities,
    };
  }

  /** Arguments of `partwise` that start the same run, with the default heartbeat timeout: it has no flag. */
  runCommand(onExisting: string): string[] {
    const { maxConcurrency, partitionsPerUnit, toleratedFailures, memory, retry } = this.scenario.options;
    const flags = {
      'run-id': this.runId,
      'on-existing': onExisting,
      output: 'summary',
      'max-concurrency': maxConcurrency,
      ...(partitionsPerUnit !== undefined && { 'partitions-per-unit': partitionsPerUnit }),
      'tolerated-failures': toleratedFailures,
      memory,
      'maximum-attempts': retry.maximumAttempts,
    };
    return [
      'run',
      'chaos',
      ...this.source.flags,
      ...Object.entries(this.#params).flatMap(([name, value]) => [
        '--param',
        `${name}=${JSON.stringify(value)}`,
      ]),
      ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]),
      '--json',
    ];
  }

  async startWorker(): Promise<ChildProcess> {
    const log = openSync(this.logFile('worker'), 'a');
    const worker = fork(join(REPOSITORY, 'test/support/worker-process.js'), [this.project], {
      env: this.environment(),
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.workers.push(worker);
    await Promise.race([
      once(worker, 'message'),
      once(worker, 'exit').then(() => {
        // Killed by the next fault, or by the server's absence: waiting for the run shows the result.
      }),
    ]);
    return worker;
  }

  /** Running workers. */
  get alive(): ChildProcess[] {
    return this.workers.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  }

  /** Whether the process is currently a runner of these workers: pids are soon reused. */
  isRunner(pid: number): boolean {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const worker = args[args.indexOf(RUNNER) + 1];
      return (
        isAlive(pid) && args.includes(RUNNER) && this.workers.some(({ pid: own }) => `${own}` === worker)
      );
    } catch {
      return false;
    }
  }

  /** Whether any runner of these workers is still alive. */
  hasRunners(): boolean {
    return readdirSync('/proc').some((name) => /^\d+$/.test(name) && this.isRunner(Number(name)));
  }

  /** Starts `partwise …` in the project. */
  command(...args: string[]): Command {
    const file = this.logFile(`client-${args[0]}`);
    const log = openSync(file, 'a');
    const child = spawn(process.execPath, [join(REPOSITORY, 'dist/cli/main.js'), ...args], {
      cwd: this.project,
      env: { ...this.environment(), NODE_OPTIONS: '', NO_COLOR: '1' },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#commands.add(child);
    const exitCode = once(child, 'close').then(([code]) => {
      this.#commands.delete(child);
      return code as number | null;
    });
    return { process: child, exitCode, text: () => readFileSync(file, 'utf8') };
  }

  /** Runs `partwise …` to its end: again, if the machine was too busy for the server to answer in time. */
  async finish(...args: string[]): Promise<{ code: number | null; text: string }> {
    for (;;) {
      const { exitCode, text } = this.command(...args);
      const code = await exitCode;
      if (!UNANSWERED.test(text())) return { code, text: text() };
    }
  }

  async killServer(): Promise<void> {
    process.kill(this.server.pid!, 'SIGKILL');
    await this.server.ended;
    await this.#restartServer();
  }

  /** Stops the server (SIGSTOP) for this time: nothing answers, and no connection breaks. */
  async freezeServer(ms: number): Promise<void> {
    const { pid, ended } = this.server;
    process.kill(pid!, 'SIGSTOP');
    await sleep(ms);
    process.kill(pid!, 'SIGCONT');
    const answer = patiently('the server', () => this.connection.workflowService.getSystemInfo({}));
    const goesOn = await Promise.race([answer.then(() => true), ended.then(() => false)]);
    // A server that was killed before, and was still starting, gives up.
    if (!goesOn) await this.#restartServer();
  }

  /** At the same address, from its database. */
  async #restartServer(): Promise<void> {
    const { address, binary } = this.server;
    this.server = await startServer(serverOptions(this.folder, binary), Number(address.split(':')[1]));
    await this.server.ready;
    if (this.server.address !== address)
      throw new Error(`The server came back as ${this.server.address}, not as ${address}.`);
  }

  /** Ends every process. */
  async end(): Promise<void> {
    for (const child of [...this.alive, ...this.#commands]) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    await this.partwise.close();
    await this.connection.close();
    await this.server.end();
  }

  /** Kills everything with open files on the stage, as a power loss does. */
  async endWorkers(): Promise<void> {
    for (const worker of this.alive) {
      const exited = once(worker, 'exit');
      worker.kill('SIGKILL');
      await exited;
    }
  }

  remove(): Promise<void> {
    this.machine.remove();
    return rm(this.folder, { recursive: true, force: true });
  }

  /** The output of the processes, and the server's log. */
  async logTexts(): Promise<{ name: string; text: string }[]> {
    const names = await readdir(join(this.folder, 'log'));
    const files = names.map((name) => join(this.folder, 'log', name));
    files.push(stateFolder(join(this.folder, 'server')).serverLog);
    return files.map((name) => ({ name, text: readFileSync(name, 'utf8') }));
  }

  private logFile(name: string): string {
    return join(this.folder, 'log', `${String(++this.#logs).padStart(2, '0')}-${name}.log`);
  }

  /** Secrets in variables named like credentials. */
  private environment(): NodeJS.ProcessEnv {
    const own = Object.entries(process.env).filter(([name]) => !/^(TEMPORAL|SNOWFLAKE|PARTWISE)_/.test(name));
    const [, apiKey, password, token] = this.canaries;
    return {
      ...Object.fromEntries(own),
      ...(process.env.PARTWISE_CACHE !== undefined && { PARTWISE_CACHE: process.env.PARTWISE_CACHE }),
      TEMPORAL_API_KEY: apiKey,
      SNOWFLAKE_PASSWORD: password,
      PARTWISE_SECRET_TOKEN: token,
      ...(this.scenario.encrypted && { [KEY.env]: process.env[KEY.env] }),
      ...this.machine.environment,
    };
  }
}

function serverOptions(folder: string, binary: Server['binary']) {
  return { folder: stateFolder(join(folder, 'server')), binary, namespace: 'default' };
}

function canariesOf(seed: number): string[] {
  return ['config', 'apikey', 'password', 'token'].map((name) => `canary-${name}-${seed}-5a17c9`);
}

function projectFolder(folder: string, machine: Machine): string {
  return join(machine.projectDisk?.folder ?? folder, 'project');
}

function behavioursOf({ partitions }: Scenario, source: Source) {
  return Object.fromEntries(partitions.map((each) => [source.idOf(each), each.behaviour]));
}

/** Retries until it gets an answer: the server goes away and comes back. */
export async function patiently<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  everyMs = 50,
): Promise<T> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  for (let problem: unknown = 'nothing'; ; await sleep(everyMs)) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      problem = error;
    }
    if (Date.now() > giveUpAt) throw new Error(`Waited too long for ${what} (last: ${String(problem)}).`);
  }
}
