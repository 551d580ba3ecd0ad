/** A test's own Temporal server, which can lose everything since a copy of its database was taken. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { tmpdir } from 'node:os';
import { findTemporalBinary } from '../../src/temporal/binary/find-binary';
import { startServer, type RunningServer } from '../../src/temporal/host/server';
import { stateFolder } from '../../src/temporal/state-folder';

export interface OwnServer {
  readonly address: string;
  /** Copies the current database. */
  copy(): Promise<void>;
  /** Suspends it without closing its connections, until the returned function is called. */
  suspend(): () => void;
  /** Kills the server, which can be started again on the same port. */
  kill(): Promise<() => Promise<void>>;
  /** Kills the server, puts the copy back, and starts it again on the same port. */
  forgetSinceCopy(): Promise<void>;
  end(): Promise<void>;
}

export async function startOwnServer(): Promise<OwnServer> {
  const projectDir = await mkdtemp(join(tmpdir(), 'partwise-server-'));
  const folder = stateFolder(projectDir);
  const binary = await findTemporalBinary({ projectDir, env: process.env });
  const start = async (port: number | null): Promise<RunningServer> => {
    const started = await startServer({ folder, binary, namespace: 'default' }, port);
    await started.ready;
    return started;
  };
  let server = await start(null);
  const { address } = server;
  const database = basename(folder.database);
  /** Copies the database with its write-ahead log; the index of the log is rebuilt. */
  const copyFiles = async (from: string, to: string): Promise<void> => {
    for (const name of [database, `${database}-wal`]) await cp(join(from, name), join(to, name));
  };
  const suspend = (): (() => void) => {
    const pid = server.pid!;
    process.kill(pid, 'SIGSTOP');
    return () => void process.kill(pid, 'SIGCONT');
  };
  const kill = async (): Promise<() => Promise<void>> => {
    process.kill(server.pid!, 'SIGKILL');
    await server.ended;
    return async () => {
      server = await start(Number(address.split(':')[1]));
      if (server.address !== address) throw new Error(`It listens on ${server.address}, not ${address}.`);
    };
  };
  const kept = join(projectDir, 'kept');
  return {
    address,
    suspend,
    async copy() {
      const resume = suspend();
      try {
        await rm(kept, { recursive: true, force: true });
        await cp(dirname(folder.database), kept, {
          recursive: true,
          filter: (path) => !path.endsWith('-shm') && !path.endsWith('.log'),
        });
      } finally {
        resume();
      }
    },
    kill,
    async forgetSinceCopy() {
      const startAgain = await kill();
      await rm(`${folder.database}-shm`, { force: true });
      await copyFiles(kept, dirname(folder.database));
      await startAgain();
    },
    async end() {
      await server.end();
      await rm(projectDir, { recursive: true, force: true });
    },
  };
}
