/** A PostgreSQL server with its default settings, in a temporary folder, where it listens on a socket. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endWithProcess } from '../../test/support/end-with-process';

/** Debian keeps the server's programs here, by version, and not on the PATH. */
const VERSIONS = '/usr/lib/postgresql';

export interface Postgres {
  url: string;
  end(): Promise<void>;
}

/** The folder of the newest version's programs; null if there is none. */
export function findPostgres(): string | null {
  if (!existsSync(VERSIONS)) return null;
  const folders = readdirSync(VERSIONS)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(VERSIONS, version, 'bin'));
  return folders.find((folder) => existsSync(join(folder, 'initdb'))) ?? null;
}

export async function startPostgres(programs: string): Promise<Postgres> {
  const folder = mkdtempSync(join(tmpdir(), 'partwise-postgres-'));
  const user = ownerFor(folder);
  const data = join(folder, 'data');
  const options = { ...user, cwd: folder };
  execFileSync(
    join(programs, 'initdb'),
    ['-D', data, '-U', 'postgres', '--auth=trust', '--no-locale', '--encoding=UTF8'],
    { ...options, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const server = spawn(join(programs, 'postgres'), ['-D', data, '-k', folder, '-c', 'listen_addresses='], {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  endWithProcess({ pid: server.pid! });
  const exited = once(server, 'exit');
  let log = '';
  const ready = new Promise<void>((resolve) => {
    server.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (log.includes('ready to accept connections')) resolve();
    });
  });
  await Promise.race([
    ready,
    exited.then(() => {
      throw new Error(`PostgreSQL ended: ${log}`);
    }),
  ]);
  return {
    url: `postgresql:///postgres?host=${encodeURIComponent(folder)}&user=postgres`,
    async end() {
      // Unlike SIGINT, this waits for connections that are being closed.
      server.kill('SIGTERM');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
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
