/** The worker of the hand-written contestant: `node raw-worker.cjs ADDRESS TASK_QUEUE WAREHOUSE WORKFLOW`. */
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { Summary } from '../arithmetic';
import { indexRows } from '../indexed-rows';

export interface RawActivities {
  summarizePartition(ordinal: number): Promise<Summary>;
}

async function main([address, taskQueue, warehouse, workflowsPath]: string[]): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('WARN') });
  const activities: RawActivities = { summarizePartition: await indexRows(warehouse!) };
  const worker = await Worker.create({
    connection: await NativeConnection.connect({ address: address! }),
    taskQueue: taskQueue!,
    workflowsPath: workflowsPath!,
    activities,
    maxConcurrentActivityTaskExecutions: 100,
  });
  process.on('SIGTERM', () => worker.shutdown());
  process.send!('ready');
  await worker.run();
  process.disconnect();
}

void main(process.argv.slice(2));
