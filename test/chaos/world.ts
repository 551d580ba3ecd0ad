/**
 * Everything real that a seed needs: a project in a temporary folder, a Temporal server, workers, and
 * commands.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { Partwise } from '../../src/index';
import { encodePartitionId } from '../../src/core/partition-id';
import { findTemporalBinary } from '../../src/temporal/binary/find-binary';
import { startServer } from '../../src/temporal/host/server';
import { stateFolder } from '../../src/temporal/state-folder';
import { withDatabase } from '../../src/duckdb/database-file';
import { literal } from '../../src/duckdb/quote';
import { isAlive } from '../support/processes';
import { Calls } from './calls';
import { Machine } from './machine';
import type { Scenario } from './scenario';

const REPOSITORY = resolve(__dirname, '../..');
/** What runners execute; their first argument is their worker's pid. */
const RUNNER = join(REPOSITORY, 'dist/runners/node/main.js');
const TASK_QUEUE = 'chaos';
/** Time limit for any single wait; then the seed has failed, and reports what it waited for. */
const PATIENCE_MS = 300_000;

type Server = Awaited<ReturnType<typeof startServer>>;

/** A running command. */
export interface Command {
  readonly process: ChildProcess;
  /** Null if it was killed. */
  readonly exitCode: Promise<number | null>;
  /** What it has printed. */
  readonly text: () => string;
}

/** Source columns that hold the row's number. */
const NAMES = ', r AS constructor, r AS "toString", r AS "__proto__"';

export class World {
  readonly runId: string;
  readonly calls: Calls;
  /** Strings that must not occur in anything left behind. */
  readonly canaries: string[];
  readonly workers: ChildProcess[] = [];
  /** Skipped partitions, and when they were skipped. */
  readonly skipped: { id: string; at: number }[] = [];
  /** Restores the flipped bit. */
  flipped: (() => void) | null = null;
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
  ) {
    this.runId = `chaos/${scenario.seed} Run`;
    this.calls = new Calls(join(folder, 'calls.log'));
    this.canaries = canariesOf(scenario.seed);
  }

  get project(): string {
    return join(this.folder, 'project');
  }

  get stage(): string {
    return join(this.machine.disk?.folder ?? this.project, 'stage');
  }

  get warehouse(): string {
    return join(this.project, 'w.duckdb');
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
    for (const name of ['project', 'server', 'log']) await mkdir(join(folder, name));
    const project = join(folder, 'project');
    const binary = await findTemporalBinary({ projectDir: project, env: process.env });
    const server = await startServer(serverOptions(folder, binary), null);
    await server.ready;
    const { address } = server;
    await mkdir(join(project, 'node_modules'));
    await symlink(REPOSITORY, join(project, 'node_modules', 'partwise'));
    await copyFile(join(__dirname, 'functions.ts'), join(project, 'functions.ts'));
    await copyFile(join(__dirname, 'scenario.ts'), join(project, 'scenario.ts'));
    await copyFile(join(__dirname, 'random.ts'), join(project, 'random.ts'));
    const config = {
      functions: './functions.ts',
      warehouse: 'duckdb:./w.duckdb',
      stage: machine.disk === null ? './stage' : join(machine.disk.folder, 'stage'),
      temporal: { address, taskQueue: TASK_QUEUE, tls: false, apiKey: canariesOf(scenario.seed)[0] },
      worker: { runners: 2 },
    };
    writeFileSync(join(project, 'partwise.config.json'), JSON.stringify(config));
    writeFileSync(join(folder, 'calls.log'), '');
    writeFileSync(join(folder, 'behaviours.json'), JSON.stringify(behavioursOf(scenario)));
    const connection = await Connection.connect({ address });
    const client = new Client({ connection });
    const partwise = await Partwise.connect({ projectDir: project });
    const world = new World(folder, scenario, machine, server, connection, client, partwise);
    await world.makeTable();
    return world;
  }

  /** Partition ids. */
  get ids(): string[] {
    return this.scenario.partitions.map(({ key: [k, g] }) => encodePartitionId([k, String(g)]));
  }

  /** The argument of the workflow. */
  get input(): Record<string, unknown> {
    return {
      function: 'chaos',
      source: { table: 'source' },
      partitionBy: ['k', 'g'],
      params: {
        calls: this.calls.file,
        behaviours: join(this.folder, 'behaviours.json'),
        fixed: this.fixedFile,
        bootedAt: Date.now() - Number(process.hrtime.bigint()) / 1e6,
        oddities: this.scenario.oddities,
      },
      output: { table: 'summary' },
      options: this.scenario.options,
    };
  }

  execute(...statements: string[]): Promise<void> {
    return withDatabase(this.warehouse, 'write', async (connection) => {
      for (const statement of statements) await connection.run(statement);
    });
  }

  private async makeTable(): Promise<void> {
    const { names } = this.scenario.oddities;
    const values = this.scenario.partitions.map(
      ({ key: [k, g], rows }, i) => `(${i}, ${k === null ? 'NULL' : literal(k)}, ${g}, ${rows})`,
    );
    await this.execute(
      'CREATE TABLE keys (i INTEGER, k VARCHAR, g INTEGER, rows INTEGER)',
      `INSERT INTO keys VALUES ${values.join(', ')}`,
      `CREATE TABLE source AS SELECT k, g, r AS n${names ? NAMES : ''}, ((i * 7919 + r * 104729) % 10007)::BIGINT AS amount
         FROM keys, LATERAL (SELECT unnest(range(rows)) AS r) ORDER BY hash(i, r)`,
      // The rows that the run must have read, whatever happens to the table.
      'CREATE TABLE source_at_start AS SELECT * FROM source',
    );
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
      return isAlive(pid) && args.includes(RUNNER) && this.workers.some(({ pid: own }) => `${own}` === worker);
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

  async killServer(): Promise<void> {
    const { pid, address } = this.server;
    process.kill(pid!, 'SIGKILL');
    await this.server.ended;
    const port = Number(address.split(':')[1]);
    this.server = await startServer(serverOptions(this.folder, this.server.binary), port);
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

function behavioursOf({ partitions }: Scenario) {
  return Object.fromEntries(partitions.map(({ key, behaviour }) => [JSON.stringify(key), behaviour]));
}

/** Retries until it gets an answer: the server goes away and comes back. */
export async function patiently<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  for (let problem: unknown = 'nothing'; ; await sleep(50)) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      problem = error;
    }
    if (Date.now() > giveUpAt) throw new Error(`Waited too long for ${what} (last: ${String(problem)}).`);
  }
}
