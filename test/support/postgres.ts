/** A PostgreSQL server in a temporary folder, on a socket there, and on loopback if it has a port. */
import { execFileSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnBound } from './spawn-bound';

export interface Postgres {
  url: string;
  /** Ends every session without a checkpoint, as a crash does, and starts it again with the same data. */
  crash(): Promise<void>;
  end(): Promise<void>;
}

/**
 * `programs`: the folder that scripts/find-postgres.mjs finds. `port`: of loopback; without it, only the
 * socket. `connections`: PostgreSQL's default is 100.
 */
export async function startPostgres(
  programs: string,
  { port, connections = 100 }: { port?: number; connections?: number } = {},
): Promise<Postgres> {
  const folder = mkdtempSync(join(tmpdir(), 'partwise-postgres-'));
  const user = ownerFor(folder);
  const data = join(folder, 'data');
  const options = { ...user, cwd: folder };
  execFileSync(
    join(programs, 'initdb'),
    ['-D', data, '-U', 'postgres', '--auth=trust', '--no-locale', '--encoding=UTF8'],
    { ...options, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const settings = [
    ...(port === undefined ? ['listen_addresses='] : ['listen_addresses=127.0.0.1', `port=${port}`]),
    `max_connections=${connections}`,
  ];
  const args = ['-D', data, '-k', folder, ...settings.flatMap((setting) => ['-c', setting])];
  const start = async (): Promise<ChildProcess> => {
    const server = spawnBound(join(programs, 'postgres'), args, {
      ...options,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await isReady(server);
    return server;
  };
  let server = await start();
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    const exited = once(server, 'exit');
    server.kill(signal);
    await exited;
  };
  return {
    url: `postgresql:///postgres?host=${encodeURIComponent(folder)}&user=postgres`,
    async crash() {
      // The shutdown that PostgreSQL calls "immediate".
      await stop('SIGQUIT');
      server = await start();
    },
    async end() {
      // Unlike SIGINT, this waits for connections that are being closed.
      await stop('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function isReady(server: ChildProcess): Promise<void> {
  let log = '';
  const ready = new Promise<void>((resolve) => {
    server.stderr!.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (log.includes('ready to accept connections')) resolve();
    });
  });
  await Promise.race([
    ready,
    once(server, 'exit').then(() => {
      throw new Error(`PostgreSQL ended: ${log}`);
    }),
  ]);
}

/** PostgreSQL refuses to run as root: it gets the user that its package created, and the folder. */
function ownerFor(folder: string): { uid?: number; gid?: number } {
  if (process.getuid!() !== 0) return {};
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' })),
  );
  chownSync(folder, uid!, gid!);
  return { uid: uid!, gid: gid! };
}
