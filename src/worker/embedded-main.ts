/** The worker process of an embedded server. The host starts it, and receives its status. */
import '../files/compile-cache';
import { endAbandonedServer } from '../temporal/host/background';
import { projectSecret } from '../temporal/state-folder';
import type { HostMessage, WorkerEnvironment, WorkerMessage } from '../temporal/host/worker-protocol';

/** How often the number of open runs is read. */
const OPEN_RUNS_EVERY_MS = 30_000;

async function main(): Promise<void> {
  // A full disk loses lines of the log, and nothing else.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const environment = JSON.parse(process.env.PARTWISE_WORKER ?? 'null') as WorkerEnvironment;
  const host = listenToHost();
  try {
    await work(environment, host);
  } catch (error) {
    // The host takes an error before that for the loss of its server, and starts another worker.
    await Promise.race([host.address, host.end]);
    if (!(error instanceof EndedBefore)) await refuse(error);
  }
  if (process.connected) process.disconnect();
  // The host was killed: unless another command has taken over the server, nothing else would stop it.
  else await endAbandonedServer(environment.projectDir);
}

/** The worker is to end, and the server was never ready. */
class EndedBefore extends Error {}

async function refuse(error: unknown): Promise<void> {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${error instanceof Error ? error.stack : message}\n`);
  await send({ type: 'failed', message });
  process.exitCode = 1;
}

async function work(
  { namespace, taskQueue, projectDir, open }: WorkerEnvironment,
  host: Host,
): Promise<void> {
  const [{ startWorker }, { countOpenRuns }] = await Promise.all([
    import('./start-worker.js'),
    import('../reader/open-runs.js'),
  ]);
  const server = Promise.race([host.address, host.end]).then((address) => {
    if (address === undefined) throw new EndedBefore();
    return { connectionOptions: { address }, namespace, taskQueue };
  });
  // Nobody waits for it if the configuration cannot be loaded.
  server.catch(() => {});
  const worker = await startWorker({
    projectDir,
    server,
    reloads: true,
    gate: { secret: projectSecret(projectDir), open },
  });
  const tellOpenRuns = async (): Promise<void> =>
    send({ type: 'open', runs: await countOpenRuns(worker.client) });
  const timer = setInterval(() => void tellOpenRuns().catch(() => {}), OPEN_RUNS_EVERY_MS);
  void host.end.then(() => worker.shutdown());
  process.on('SIGTERM', () => worker.shutdown());
  await send({ type: 'ready' });
  void tellOpenRuns().catch(() => {});
  try {
    await worker.ended;
  } finally {
    clearInterval(timer);
  }
}

interface Host {
  /** That of the server, once it is ready. */
  address: Promise<string>;
  /** Resolves when the worker is to end, or when the host is gone. */
  end: Promise<void>;
}

function listenToHost(): Host {
  let serve: (address: string) => void;
  let end: () => void;
  const host = {
    address: new Promise<string>((resolve) => (serve = resolve)),
    end: new Promise<void>((resolve) => (end = resolve)),
  };
  process.on('message', (message: HostMessage) => {
    if (message.type === 'serve') serve(message.address);
    else end();
  });
  process.once('disconnect', () => end());
  return host;
}

/** Resolves once it is sent, or cannot be. */
async function send(message: WorkerMessage): Promise<void> {
  if (process.connected) await new Promise((resolve) => process.send!(message, resolve));
}

void main();
