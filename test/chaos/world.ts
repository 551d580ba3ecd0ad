/**
 * Everything real that a seed needs: a project in a temporary folder, a Temporal server, workers, and
 * commands.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { Partwise } from '../../src/index';
import { openStage, type Stage } from '../../src/stage';
import { encrypting } from '../../src/trust/encryption-codec';
import { PayloadKeys } from '../../src/trust/payload-keys';
import { isAlive } from '../support/processes';
import { GATEWAY, type Gateway } from '../support/s3-gateway';
import { Calls } from './calls';
import { Machine } from './machine';
import { canariesOf, KEY, projectFolder, REPOSITORY, writeProject } from './project';
import type { Scenario } from './scenario';
import { startClusterServer } from './cluster-server';
import { SeedServer, type ChaosServer } from './server';
import { BUCKET, PREFIX, startStore, STORE_SECRET } from './store';
import { Source } from './source';

/** What runners execute; their first argument is their worker's pid. */
const RUNNER = join(REPOSITORY, 'dist/runners/node/main.js');

/** A call that failed on its rows does not note its end. */
const MAX_RELEASE_MS = 10_000;

const STAGE_IN_BUCKET = `s3://${BUCKET}/${PREFIX}/`;

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
  /** When an execution was last terminated; 0: never. */
  terminatedAt = 0;
  /** The console, if one was needed. */
  console: Command | null = null;
  readonly #commands = new Set<ChildProcess>();
  #logs = 0;

  private constructor(
    readonly folder: string,
    readonly scenario: Scenario,
    readonly machine: Machine,
    readonly server: ChaosServer,
    readonly connection: Connection,
    readonly client: Client,
    readonly partwise: Partwise,
    readonly source: Source,
    /** The server of the stage, if that is on S3. */
    readonly store: Gateway | null,
  ) {
    this.runId = `chaos/${scenario.seed} Run`;
    this.calls = new Calls(join(folder, 'calls.log'));
    this.canaries = [
      ...canariesOf(scenario.seed),
      ...(scenario.encrypted ? [process.env[KEY.env]!] : []),
      ...(store === null ? [] : [STORE_SECRET]),
    ];
  }

  /** The folders with everything of the seed. */
  get places(): string[] {
    const { disk, projectDisk } = this.machine;
    return [this.folder, ...[disk, projectDisk].flatMap((each) => (each === null ? [] : [each.folder]))];
  }

  get project(): string {
    return projectFolder(this.folder, this.machine);
  }

  /** The stage's folder: with a store, what its bucket has of the stage. */
  get stage(): string {
    if (this.store !== null) return join(bucketsFolder(this.folder), BUCKET, PREFIX);
    return join(this.machine.disk?.folder ?? this.project, 'stage');
  }

  /** Decrypts, if the stage is encrypted. */
  openStage(): Stage {
    const uri = this.store === null ? pathToFileURL(this.stage).href : STAGE_IN_BUCKET;
    return openStage(`${this.scenario.encrypted ? 'encrypted:' : ''}${uri}`);
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
      await this.#untilReleased();
    }
  }

  get fixedFile(): string {
    return join(this.folder, 'fixed');
  }

  /** Otherwise calls that have not noticed wait on if the next hold comes at once, and no other can begin. */
  async #untilReleased(): Promise<void> {
    const held = this.calls.unfinished();
    const waits = (): boolean => {
      const open = new Set(this.calls.unfinished().map(({ token }) => token));
      return held.some(({ token, pid }) => open.has(token) && this.isRunner(pid));
    };
    for (const until = Date.now() + MAX_RELEASE_MS; waits() && Date.now() < until;) await sleep(50);
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
    const server = process.env.CLUSTER_SERVER
      ? await startClusterServer(scenario.seed)
      : await SeedServer.start(join(folder, 'server'));
    const { address, namespace } = server;
    const store = GATEWAY === undefined ? null : await startStore(bucketsFolder(folder));
    const onDisk = machine.disk === null ? './stage' : join(machine.disk.folder, 'stage');
    await writeProject(project, scenario, server, store === null ? onDisk : STAGE_IN_BUCKET);
    const source = new Source(scenario, project);
    await source.make();
    writeFileSync(join(folder, 'calls.log'), '');
    writeFileSync(join(folder, 'behaviours.json'), JSON.stringify(behavioursOf(scenario, source)));
    const connection = await Connection.connect({ address });
    const keys = new PayloadKeys(scenario.encrypted ? [KEY] : [], process.env);
    const client = new Client({ connection, namespace, dataConverter: encrypting(undefined, keys) });
    const partwise = await Partwise.connect({ projectDir: project });
    return new World(folder, scenario, machine, server, connection, client, partwise, source, store);
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
    await this.store?.end();
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
    files.push(...this.server.logs);
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

/** Of the store. */
function bucketsFolder(folder: string): string {
  return join(folder, 'buckets');
}

function behavioursOf({ partitions }: Scenario, source: Source) {
  return Object.fromEntries(partitions.map((each) => [source.idOf(each), each.behaviour]));
}
