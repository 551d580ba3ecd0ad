/**
 * A real server that speaks S3: versitygw, over a folder. `scripts/test-s3.mjs` builds it and names it in
 * VERSITYGW_BIN.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { accepts, freePort } from '../../src/temporal/ports';
import { until } from './until';

export const GATEWAY = process.env['VERSITYGW_BIN'];

export interface Gateway {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Adds a user without any permission. */
  addUser(user: GatewayUser): Promise<void>;
  /** Kills it. What is returned starts it again on the same port. */
  kill(): Promise<() => Promise<void>>;
  end(): Promise<void>;
}

export interface GatewayUser {
  access: string;
  secret: string;
}

/** `folder`: where its buckets are; without it, a folder that is removed. */
export async function startGateway({ access, secret }: GatewayUser, folder?: string): Promise<Gateway> {
  const own = mkdtempSync(join(tmpdir(), 'partwise-s3-gateway-'));
  const [buckets, versions, users] = [
    folder ?? join(own, 'buckets'),
    join(own, 'versions'),
    join(own, 'users'),
  ];
  for (const each of [buckets, versions, users]) mkdirSync(each, { recursive: true });
  const port = await freePort();
  const start = async (): Promise<ChildProcess> => {
    const listening = ['--port', `127.0.0.1:${port}`, '--quiet', '--keep-alive'];
    // Users are known at once, and not two minutes later.
    const known = ['--iam-dir', users, '--iam-cache-disable', '--access', access, '--secret', secret];
    const storage = ['posix', '--versioning-dir', versions, buckets];
    const child = untilClosed(GATEWAY!, [...listening, ...known, ...storage]);
    await listens(child, port);
    return child;
  };
  let child = await start();
  const end = async (): Promise<void> => {
    const exited = once(child, 'exit');
    child.stdin!.end();
    await exited;
  };
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    async addUser(user) {
      const admin = ['admin', '--access', access, '--secret', secret, '--endpoint-url', url];
      const added = ['--access', user.access, '--secret', user.secret, '--role', 'user'];
      await promisify(execFile)(GATEWAY!, [...admin, 'create-user', ...added]);
    },
    async kill() {
      await end();
      return async () => void (child = await start());
    },
    async end() {
      await end();
      rmSync(own, { recursive: true, force: true });
    },
  };
}

/** Starts a program that is killed when its standard input is closed, and so when this process ends. */
function untilClosed(program: string, args: readonly string[]): ChildProcess {
  const script =
    'exec 3<&0; "$@" & server=$!; { cat <&3 >/dev/null; kill -9 $server; } 2>/dev/null & wait $server';
  return spawn('sh', ['-c', script, 'sh', program, ...args], { stdio: ['pipe', 'ignore', 'pipe'] });
}

async function listens(child: ChildProcess, port: number): Promise<void> {
  const output: string[] = [];
  child.stderr!.setEncoding('utf8').on('data', (text: string) => output.push(text));
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`The gateway exited at once: ${output.join('')}`);
    return accepts(port);
  });
}
