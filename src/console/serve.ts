/** Serves the console: on loopback, or behind a proxy. */
import { randomBytes } from 'node:crypto';
import { isIPv6, type AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { accessOf, LOOPBACK, type AccessOptions } from './access';
import { consoleApp } from './app';
import type { Backend } from './backend';
import { secureHeaders } from './gate';
import { WatchedRuns } from './watched-runs';

const MAX_CONNECTIONS = 64;
/** A request that has not been received whole by then is given up. */
const MAX_REQUEST_MS = 15_000;

export interface ConsoleOptions {
  version: string;
  /** Tried first; another one if it is taken, unless `exactPort`. 0: any. */
  port: number;
  exactPort: boolean;
  /** Default: a new one. */
  token?: string;
  access?: AccessOptions;
}

export interface RunningConsole {
  /** Its own address, with the token, which gives access; without one behind a proxy. */
  url: string;
  token: string;
  port: number;
  close(): Promise<void>;
}

/** Throws the errors of `accessOf`, and that of `listen`, such as `EADDRINUSE`. */
export async function serveConsole(
  backend: Backend,
  { version, port, exactPort, token = randomBytes(32).toString('base64url'), access = {} }: ConsoleOptions,
): Promise<RunningConsole> {
  const { host, hostNames, basePath, proxy } = accessOf(access);
  const watched = new WatchedRuns(backend);
  // The names are known when the port is.
  let app: Hono | null = null;
  const server = createAdaptorServer({
    fetch: (request: Request, env: object) => app!.fetch(request, env),
  }) as Server;
  server.prependListener('request', secureHeaders);
  server.requestTimeout = MAX_REQUEST_MS;
  server.maxConnections = MAX_CONNECTIONS;
  const bound = await listen(server, host, port).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE' || exactPort) throw error;
    return listen(server, host, 0);
  });
  const own = isIPv6(host) ? `[${host}]` : host;
  const ownHosts = [...new Set([own, LOOPBACK, 'localhost', '[::1]'])].map((name) => `${name}:${bound}`);
  app = consoleApp(backend, watched, version, {
    admits: proxy ?? { token },
    hosts: [...ownHosts, ...hostNames],
    origins: [
      ...ownHosts.map((name) => `http://${name}`),
      ...hostNames.flatMap((name) => [`https://${name}`, `http://${name}`]),
    ],
    basePath,
  });
  return {
    url: `http://${own}:${bound}${basePath}${proxy === null ? `#token=${token}` : ''}`,
    token,
    port: bound,
    close: async () => {
      watched.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
