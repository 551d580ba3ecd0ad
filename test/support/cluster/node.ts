/** One node of a cluster: Temporal's server with all of its services, as a process. */
import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { isFree } from '../../../src/temporal/ports';
import { spawnBound } from '../spawn-bound';

const SERVICES = ['frontend', 'history', 'matching', 'worker'] as const;

/** Parts of the server's configuration for tests of TLS and of authorization. */
export interface ServerSecurity {
  /** `global.tls` */
  tls?: Record<string, unknown>;
  /** `global.authorization`; the server's own services then use a frontend of their own. */
  authorization?: Record<string, unknown>;
}

export interface NodeOptions extends ServerSecurity {
  /** Folder of its files. */
  folder: string;
  name: string;
  /** The server. */
  program: string;
  databasePort: number;
  /** The server's dynamic configuration. */
  dynamicConfig: string;
}

export interface ClusterNode {
  /** Of its frontend, on loopback. */
  readonly port: number;
  readonly log: string;
  isRunning(): boolean;
  start(): void;
  /** `kill -9` */
  kill(): Promise<void>;
}

/**
 * A free port below 32768: PostgreSQL's schema stores the ports of a cluster's members as `smallint`. Systems
 * give connections ports above that by themselves.
 */
async function memberPort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    if (await isFree(port)) return port;
  }
}

export async function makeNode(options: NodeOptions): Promise<ClusterNode> {
  const { folder, name, program } = options;
  const config = join(folder, `${name}.yaml`);
  const log = join(folder, `${name}.log`);
  const services = options.authorization === undefined ? SERVICES : [...SERVICES, 'internal-frontend'];
  const port = await memberPort();
  // YAML includes JSON.
  writeFileSync(config, JSON.stringify(await configOf(options, services, port)));
  const args = services.flatMap((service) => ['--service', service]);
  let server: ChildProcess | null = null;
  const isRunning = (): boolean => server !== null && server.exitCode === null && server.signalCode === null;
  return {
    port,
    log,
    isRunning,
    start() {
      const output = openSync(log, 'a');
      server = spawnBound(program, ['--config-file', config, '--allow-no-auth', 'start', ...args], {
        cwd: folder,
        stdio: ['ignore', output, output],
      });
      closeSync(output);
    },
    async kill() {
      if (!isRunning()) return;
      const exited = once(server!, 'exit');
      server!.kill('SIGKILL');
      await exited;
    },
  };
}

async function configOf(
  { databasePort, dynamicConfig, tls, authorization }: NodeOptions,
  services: readonly string[],
  frontend: number,
): Promise<unknown> {
  const rpc = async (service: string) => ({
    rpc: {
      grpcPort: service === 'frontend' ? frontend : await memberPort(),
      membershipPort: await memberPort(),
      bindOnLocalHost: true,
    },
  });
  const store = (databaseName: string) => ({
    sql: {
      pluginName: 'postgres12',
      databaseName,
      connectAddr: `127.0.0.1:${databasePort}`,
      connectProtocol: 'tcp',
      user: 'postgres',
      password: '',
      maxConns: 20,
      maxIdleConns: 20,
      maxConnLifetime: '1h',
    },
  });
  return {
    log: { stdout: true, level: 'warn' },
    persistence: {
      defaultStore: 'temporal',
      visibilityStore: 'visibility',
      numHistoryShards: 4,
      datastores: { temporal: store('temporal'), visibility: store('temporal_visibility') },
    },
    global: {
      membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' },
      ...(tls !== undefined && { tls }),
      ...(authorization !== undefined && { authorization }),
    },
    services: Object.fromEntries(
      await Promise.all(services.map(async (service) => [service, await rpc(service)])),
    ),
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: {
        active: {
          enabled: true,
          initialFailoverVersion: 1,
          rpcName: 'frontend',
          rpcAddress: `127.0.0.1:${frontend}`,
        },
      },
    },
    dynamicConfigClient: { filepath: dynamicConfig, pollInterval: '10s' },
  };
}
