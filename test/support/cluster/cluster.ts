/**
 * A Temporal cluster on loopback: two nodes of Temporal's own server, which share the data in a PostgreSQL
 * server, behind a load balancer.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Connection, type ConnectionOptions } from '@temporalio/client';
import { freePort } from '../../../src/temporal/ports';
import { startPostgres, type Postgres } from '../postgres';
import { startBalancer, type Balancer } from './balancer';
import { makeNode, type ClusterNode, type ServerSecurity } from './node';

const execute = promisify(execFile);

/** Not "default", which every program finds without a setting. */
const NAMESPACE = 'partwise-cluster';
const STARTS_WITHIN_MS = 180_000;
const DAY_S = 86_400;

/**
 * Executions can be deleted at once (see `forgetfulServer` in global-setup.js), and a namespace can keep them
 * for seconds instead of hours.
 */
const DYNAMIC_CONFIG = {
  'history.transferProcessorUpdateAckInterval': [{ value: '200ms' }],
  'history.retentionTimerJitterDuration': [{ value: '0s' }],
  'system.namespaceMinRetentionLocal': [{ value: '1s' }],
};

export interface Cluster {
  /** Of the load balancer. */
  readonly address: string;
  readonly namespace: string;
  /** That the test gave. */
  readonly connection: ClusterOptions['connection'];
  readonly nodes: readonly ClusterNode[];
  readonly balancer: Balancer;
  readonly database: Postgres;
  /** Resolves when the cluster can start and list workflows. */
  ready(): Promise<void>;
  addNamespace(name: string, retentionSeconds: number): Promise<void>;
  end(): Promise<void>;
}

export interface ClusterOptions extends ServerSecurity {
  /** How the test itself connects. */
  connection?: Pick<ConnectionOptions, 'apiKey' | 'tls'>;
}

/** In an environment of scripts/cluster-programs.mjs. */
export async function startCluster({ connection, ...security }: ClusterOptions = {}): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'partwise-cluster-'));
  const databasePort = await freePort();
  const database = await startPostgres(process.env.POSTGRES_PROGRAMS!, {
    port: databasePort,
    connections: 400,
  });
  await Promise.all(
    Object.entries({ temporal: 'temporal', temporal_visibility: 'visibility' }).map(([name, schema]) =>
      createDatabase(process.env.CLUSTER_SQL_TOOL!, databasePort, name, schema),
    ),
  );
  const dynamicConfig = join(folder, 'dynamic.yaml');
  writeFileSync(dynamicConfig, JSON.stringify(DYNAMIC_CONFIG));
  const nodes: ClusterNode[] = [];
  for (const name of ['one', 'two']) {
    const program = process.env.CLUSTER_SERVER!;
    nodes.push(await makeNode({ folder, name, program, databasePort, dynamicConfig, ...security }));
  }
  const balancer = await startBalancer(nodes.map(({ port }) => port));

  const use = async (port: number, act: (connection: Connection) => Promise<unknown>): Promise<void> => {
    const client = await Connection.connect({ ...connection, address: `127.0.0.1:${port}` });
    try {
      await act(client);
    } finally {
      await client.close();
    }
  };
  const addNamespace = (namespace: string, retentionSeconds: number): Promise<void> =>
    use(nodes[0]!.port, ({ workflowService }) =>
      workflowService.registerNamespace({
        namespace,
        workflowExecutionRetentionPeriod: { seconds: retentionSeconds as never },
      }),
    );
  const isReady = (node: ClusterNode): Promise<void> =>
    patiently(node, () =>
      use(node.port, ({ workflowService }) =>
        workflowService.listWorkflowExecutions({ namespace: NAMESPACE, pageSize: 1 }),
      ),
    );
  const [first] = nodes;
  // The first one writes what all nodes of a cluster share, and the others would fail if they tried too.
  first!.start();
  await patiently(first!, () => addNamespace(NAMESPACE, DAY_S).catch(unlessExists));
  for (const node of nodes.slice(1)) node.start();
  const ready = async (): Promise<void> => void (await Promise.all(nodes.map(isReady)));
  await ready();
  return {
    address: balancer.address,
    namespace: NAMESPACE,
    connection,
    nodes,
    balancer,
    database,
    ready,
    addNamespace,
    async end() {
      await balancer.close();
      for (const node of nodes) await node.kill();
      await database.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** With the schema that the tool contains. */
async function createDatabase(tool: string, port: number, name: string, schema: string): Promise<void> {
  const to = `--plugin postgres12 --endpoint 127.0.0.1 --port ${port} --user postgres`.split(' ');
  for (const args of [
    ['create-database'],
    ['setup-schema', '--version', '0.0'],
    ['update-schema', '--schema-name', `postgresql/v12/${schema}`],
  ])
    await execute(tool, [...to, '--database', name, ...args]);
}

/** Retries until a node that starts can do it. */
async function patiently(node: ClusterNode, act: () => Promise<unknown>): Promise<void> {
  const giveUpAt = Date.now() + STARTS_WITHIN_MS;
  for (;;) {
    try {
      return void (await act());
    } catch (error) {
      if (Date.now() < giveUpAt && node.isRunning()) {
        await sleep(100);
        continue;
      }
      const log = readFileSync(node.log, 'utf8').slice(-3_000);
      throw new Error(`A node of the cluster did not start (${String(error)}):\n${log}`);
    }
  }
}

function unlessExists(error: unknown): void {
  if (!/already exists/i.test(String(error))) throw error;
}
