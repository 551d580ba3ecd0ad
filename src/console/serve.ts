/** Serves the console on loopback. */
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { consoleApp } from './app';
import type { Backend } from './backend';
import { secureHeaders } from './gate';
import { WatchedRuns } from './watched-runs';

const LOOPBACK = '127.0.0.1';
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
}

export interface RunningConsole {
  /** Address with the token, which gives access. */
  url: string;
  token: string;
  port: number;
  close(): Promise<void>;
}

/** Throws the error of `listen`, such as `EADDRINUSE`. */
export async function serveConsole(
  backend: Backend,
  { version, port, exactPort, token = randomBytes(32).toString('base64url') }: ConsoleOptions,
): Promise<RunningConsole> {
  const watched = new WatchedRuns(backend);
  // The names are known when the port is.
  let app: Hono | null = null;
  const server = createAdaptorServer({ fetch: (request: Request) => app!.fetch(request) }) as Server;
  server.prependListener('request', secureHeaders);
  server.requestTimeout = MAX_REQUEST_MS;
  server.maxConnections = MAX_CONNECTIONS;
  const bound = await listen(server, port).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE' || exactPort) throw error;
    return listen(server, 0);
  });
  const hosts = [LOOPBACK, 'localhost', '[::1]'].map((name) => `${name}:${bound}`);
  app = consoleApp(backend, watched, version, { token, hosts });
  return {
    url: `http://${LOOPBACK}:${bound}/#token=${token}`,
    token,
    port: bound,
    close: async () => {
      watched.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LOOPBACK, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
