/**
 * The background host: started by the first command of a project, see `embedded.ts`. Its output is
 * `host.log`.
 */
import '../../files/compile-cache';
import { Host } from './host';
import { tryLockFolder } from '../lock';
import { stateFolder } from '../state-folder';
import type { TemporalBinary } from '../binary/types';

/** JSON in the environment variable `PARTWISE_HOST`. */
export interface HostParameters {
  projectDir: string;
  binary: TemporalBinary;
  namespace: string;
  taskQueue: string;
  fingerprint: string;
  workerEntry: string;
  idleMs: number;
}

async function main(): Promise<void> {
  // A full disk loses lines of the log, and nothing else.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const { PARTWISE_HOST, ...env } = process.env;
  const parameters = JSON.parse(PARTWISE_HOST ?? '') as HostParameters;
  const folder = stateFolder(parameters.projectDir);
  const host = await Host.start({
    ...parameters,
    folder,
    env,
    open: false,
    onEvent: (event) => note(event.message),
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // Best effort: a command that is just starting another host would take over a server that is shutting
      // down, and restart it.
      void tryLockFolder(folder.path, folder.lock)
        .catch(() => null)
        .then(() => host.end(`${signal} was received`));
    });
  }
  process.send?.({ type: 'listening' });
  await host.ended;
  process.exit();
}

function note(message: string): void {
  process.stderr.write(`${new Date().toISOString()} ${message}\n`);
}

main().catch((error: unknown) => {
  note(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exit(1);
});
