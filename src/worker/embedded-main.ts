/** The worker process of an embedded server. The host starts it, and receives its status. */
import { endAbandonedServer } from '../temporal/host/background';
import { projectSecret } from '../temporal/state-folder';
import type { HostMessage, WorkerEnvironment, WorkerMessage } from '../temporal/host/worker-protocol';

/** How often the number of open runs is read. */
const OPEN_RUNS_EVERY_MS = 30_000;

async function main(): Promise<void> {
  // A full disk loses lines of the log, and nothing else.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const environment = JSON.parse(process.env.PARTWISE_WORKER ?? 'null') as WorkerEnvironment;
  const { address, namespace, taskQueue, projectDir, open } = environment;
  const { startWorker } = await import('./start-worker.js');
  const worker = await startWorker({
    projectDir,
    server: { connectionOptions: { address }, namespace, taskQueue },
    reloads: true,
    gate: { secret: projectSecret(projectDir), open },
  });
  const countOpenRuns = async (): Promise<void> => {
    const { count } = await worker.client.workflow.count(
      `WorkflowType = 'partitionedRun' AND ExecutionStatus = 'Running'`,
    );
    send({ type: 'open', runs: count });
  };
  const timer = setInterval(() => void countOpenRuns().catch(() => {}), OPEN_RUNS_EVERY_MS);
  process.on('message', (message: HostMessage) => {
    if (message.type === 'drain') worker.shutdown();
  });
  let orphaned = false;
  process.on('disconnect', () => {
    orphaned = true;
    worker.shutdown();
  });
  process.on('SIGTERM', () => worker.shutdown());
  send({ type: 'ready' });
  void countOpenRuns().catch(() => {});
  try {
    await worker.ended;
  } finally {
    clearInterval(timer);
    if (process.connected) process.disconnect();
    // The host was killed: unless another command has taken over the server, nothing else would stop it.
    else if (orphaned) await endAbandonedServer(projectDir);
  }
}

function send(message: WorkerMessage): void {
  if (process.connected) process.send!(message, () => {});
}

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${error instanceof Error ? error.stack : message}\n`);
  send({ type: 'failed', message });
  process.exitCode = 1;
});
