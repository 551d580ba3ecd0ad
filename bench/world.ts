/**
 * The environment of a benchmark: a project in a temporary folder, a Temporal server, and a deployed worker.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdtempSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  cpSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { Client, Connection } from '@temporalio/client';
import { Partwise, type RunInput } from '../src/index';
import { findTemporalBinary } from '../src/temporal/binary/find-binary';
import { startServer } from '../src/temporal/host/server';
import { stateFolder } from '../src/temporal/state-folder';
import { endWithProcess } from '../test/support/end-with-process';

/** The programs are bundled into a folder below node_modules. */
const REPOSITORY = join(__dirname, '../../..');
const TASK_QUEUE = 'bench';
const WORKER = join(REPOSITORY, 'test/support/worker-process.js');
/** Linux reports CPU time to programs in hundredths of a second, on every machine. */
const TICKS_A_SECOND = 100;

export class World {
  readonly warehouse: string;
  #worker: ChildProcess | null = null;
  #runs = 0;

  private constructor(
    readonly folder: string,
    readonly address: string,
    readonly client: Client,
    readonly partwise: Partwise,
    readonly serverPid: number,
    private readonly ends: (() => Promise<unknown>)[],
  ) {
    this.warehouse = join(folder, 'w.duckdb');
  }

  static async make(): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'partwise-bench-'));
    const project = join(folder, 'project');
    linkPackage(project);
    for (const name of ['functions.ts', 'arithmetic.ts'])
      cpSync(join(REPOSITORY, 'bench', name), join(project, name));
    const binary = await findTemporalBinary({ projectDir: folder, env: process.env });
    const server = await startServer(
      { folder: stateFolder(join(folder, 'server')), binary, namespace: 'default' },
      null,
    );
    endWithProcess(server);
    await server.ready;
    const { address } = server;
    writeFileSync(
      join(project, 'partwise.config.json'),
      JSON.stringify({
        functions: './functions.ts',
        warehouse: `duckdb:${join(folder, 'w.duckdb')}`,
        stage: './stage',
        temporal: { address, taskQueue: TASK_QUEUE },
      }),
    );
    const connection = await Connection.connect({ address });
    const partwise = await Partwise.connect({ projectDir: project });
    return new World(folder, address, new Client({ connection }), partwise, server.pid!, [
      () => partwise.close(),
      () => connection.close(),
      () => server.end(),
    ]);
  }

  get project(): string {
    return join(this.folder, 'project');
  }

  get workerPid(): number {
    return this.#worker!.pid!;
  }

  /** Seconds of CPU that each has used. */
  used(): Record<'worker' | 'runners' | 'server', number> {
    const worker = processorSeconds(this.workerPid, (command) => command.includes(WORKER));
    const runners = processorSeconds(this.workerPid) - worker;
    return { worker, runners, server: processorSeconds(this.serverPid) };
  }

  async execute(...statements: string[]): Promise<void> {
    const database = await DuckDBInstance.create(this.warehouse, {
      temp_directory: join(this.folder, 'spill'),
    });
    const connection = await database.connect();
    for (const statement of statements) await connection.run(statement);
    connection.closeSync();
    database.closeSync();
  }

  async query<T>(sql: string): Promise<T[]> {
    const database = await DuckDBInstance.create(this.warehouse, { access_mode: 'READ_ONLY' });
    const connection = await database.connect();
    const rows = (await connection.runAndReadAll(sql)).getRowObjectsJS() as T[];
    connection.closeSync();
    database.closeSync();
    return rows;
  }

  async startWorker(): Promise<void> {
    const worker = fork(WORKER, [this.project], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#worker = worker;
    await once(worker, 'message');
  }

  async killWorker(): Promise<void> {
    const worker = this.#worker!;
    const exited = once(worker, 'exit');
    worker.kill('SIGKILL');
    await exited;
    this.#worker = null;
  }

  /** Seconds from the call to the result. Throws unless the run ends with `status`. */
  async run(input: RunInput, status = 'SUCCESS'): Promise<{ runId: string; seconds: number }> {
    const runId = `bench-${++this.#runs}`;
    const begin = performance.now();
    const run = await this.partwise.start(input, { runId });
    const state = await run.wait();
    const seconds = (performance.now() - begin) / 1000;
    if (state.status !== status)
      throw new Error(`${runId} is ${state.status}: ${JSON.stringify(state.error)}`);
    return { runId, seconds };
  }

  /** Runs a few partitions, so that nothing is cold. */
  async warmUp(): Promise<void> {
    const source = { query: 'SELECT range AS k, range AS amount FROM range(4)' };
    await this.run({ function: 'summary', source, partitionBy: ['k'] });
  }

  async end(): Promise<void> {
    if (this.#worker !== null) {
      const exited = once(this.#worker, 'exit');
      this.#worker.kill('SIGTERM');
      await exited;
    }
    for (const end of this.ends) await end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Makes a project's folder in which `partwise` is installed, and nothing else. */
export function linkPackage(project: string): void {
  mkdirSync(join(project, 'node_modules'), { recursive: true });
  symlinkSync(REPOSITORY, join(project, 'node_modules', 'partwise'));
}

/**
 * Samples the resident memory of a process and its descendants. The returned function stops sampling and
 * returns the maximum in bytes.
 */
export function watchMemory(pid: number): () => number {
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, residentOf(pid));
  }, 200);
  return () => {
    clearInterval(timer);
    return most;
  };
}

/**
 * CPU seconds used by a process and its descendants, including those that have ended and were waited for;
 * with `counts`, by those whose command line it accepts.
 */
export function processorSeconds(root: number, counts: (command: string) => boolean = () => true): number {
  const ticks = below(root).reduce((sum, pid) => {
    if (!counts(commandOf(pid))) return sum;
    // utime, stime, cutime and cstime. They follow the name, which may contain anything.
    const fields = statOf(pid)?.slice(11, 15) ?? [];
    return sum + fields.reduce((all, field) => all + Number(field), 0);
  }, 0);
  return ticks / TICKS_A_SECOND;
}

/** Resident bytes of a process and its descendants. */
export function residentOf(root: number): number {
  return below(root).reduce((sum, pid) => sum + residentBytes(pid), 0);
}

/** The process and its living descendants. */
function below(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    const fields = statOf(Number(name));
    if (fields !== null) parents.set(Number(name), Number(fields[1]));
  }
  const isBelow = (pid: number): boolean => pid === root || (parents.has(pid) && isBelow(parents.get(pid)!));
  return [...parents.keys()].filter(isBelow);
}

/** The fields of `/proc/PID/stat` from the state on, or null if the process has ended. */
function statOf(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
