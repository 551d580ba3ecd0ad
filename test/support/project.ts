/** A project in its own folder, with workers that are real processes, on the suite's server. */
import { fork, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import { Partwise, type PartwiseConfig } from '../../src/index';
import { queryRows, withDatabase } from '../../src/duckdb/database-file';

export const REPOSITORY = resolve(__dirname, '../..');
const WORKER = join(__dirname, 'worker-process.js');

export interface TestProject {
  readonly folder: string;
  readonly taskQueue: string;
  readonly client: Client;
  readonly partwise: Partwise;
  /** Creates or changes the warehouse file. */
  execute(...statements: string[]): Promise<void>;
  /** Rows of the warehouse file. */
  query<T = Record<string, unknown>>(sql: string): Promise<T[]>;
  write(file: string, content: string): Promise<void>;
  read(file: string): Promise<string>;
  /** Starts a deployed worker; resolves when it polls. */
  startWorker(env?: NodeJS.ProcessEnv): Promise<ChildProcess>;
  /** A run id that no other test uses. */
  runId(name: string): string;
  close(): Promise<void>;
}

export interface TestServer {
  address: string;
  namespace?: string;
  /** Of the test itself; the project takes its own from the environment. */
  connection?: Pick<ConnectionOptions, 'apiKey' | 'tls'>;
}

/** What the suite's server, or its cluster, has for its tests. */
export const SUITE: TestServer & { namespace: string } = {
  address: process.env.PARTWISE_TEST_ADDRESS!,
  namespace: process.env.PARTWISE_TEST_NAMESPACE!,
};

/**
 * `functions`: content of functions.ts. `inPython`: content of functions.py. `server`: other than the
 * suite's. `config`: further configuration. `encryption`: of its payloads.
 */
export async function makeProject(
  functions: string,
  {
    server: { address, namespace = 'default', connection: security } = SUITE,
    inPython,
    config = {},
    encryption,
  }: {
    server?: TestServer;
    inPython?: string;
    config?: Pick<PartwiseConfig, 'python' | 'warehouse' | 'stage' | 'allow' | 'notify'>;
    encryption?: NonNullable<PartwiseConfig['temporal']>['encryption'];
  } = {},
): Promise<TestProject> {
  const folder = await mkdtemp(join(tmpdir(), 'partwise-project-'));
  const warehouse = join(folder, 'w.duckdb');
  const taskQueue = `test-${randomUUID().slice(0, 8)}`;
  const workers = new Set<ChildProcess>();
  const connection = await Connection.connect({ ...security, address });
  const client = new Client({ connection, namespace });
  await mkdir(join(folder, 'node_modules'));
  await symlink(REPOSITORY, join(folder, 'node_modules', 'partwise'));
  await writeFile(join(folder, 'functions.ts'), functions);
  if (inPython !== undefined) await writeFile(join(folder, 'functions.py'), inPython);
  await writeFile(
    join(folder, 'partwise.config.json'),
    JSON.stringify({
      ...(inPython === undefined && { functions: './functions.ts' }),
      warehouse: 'duckdb:./w.duckdb',
      stage: './stage',
      ...config,
      temporal: { address, namespace, taskQueue, ...(encryption !== undefined && { encryption }) },
    }),
  );
  const partwise = await Partwise.connect({ projectDir: folder });
  return {
    folder,
    taskQueue,
    client,
    partwise,
    execute: (...statements) =>
      withDatabase(warehouse, 'write', async (duckdb) => {
        for (const statement of statements) await duckdb.run(statement);
      }),
    query: (sql) => withDatabase(warehouse, 'read', (duckdb) => queryRows(duckdb, sql)),
    write: (file, content) => writeFile(join(folder, file), content),
    read: (file) => readFile(join(folder, file), 'utf8'),
    async startWorker(env = {}) {
      const worker = fork(WORKER, [folder], {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      });
      workers.add(worker);
      let output = '';
      for (const stream of [worker.stdout!, worker.stderr!])
        stream.on('data', (bytes: Buffer) => (output += bytes.toString()));
      await Promise.race([
        once(worker, 'message'),
        once(worker, 'exit').then(() => {
          throw new Error(`The worker exited before it polled: ${output}`);
        }),
      ]);
      return worker;
    },
    runId: (name) => `${name}-${randomUUID().slice(0, 8)}`,
    async close() {
      await Promise.all([...workers].map(end));
      await partwise.close();
      await connection.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Ends a process and waits for it. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
