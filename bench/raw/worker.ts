/** The worker of the hand-written contestant: `node raw-worker.cjs ADDRESS TASK_QUEUE WAREHOUSE WORKFLOW`. */
import { DuckDBInstance } from '@duckdb/node-api';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { summarize, type Event, type Summary } from '../arithmetic';

export interface RawActivities {
  summarizePartition(ordinal: number): Promise<Summary>;
}

async function main([address, taskQueue, warehouse, workflowsPath]: string[]): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('WARN') });
  const database = await DuckDBInstance.create(warehouse, { access_mode: 'READ_ONLY' });
  const connection = await database.connect();
  // As many would do it: rows and their partition's number in memory, with an index.
  await connection.run(
    'CREATE TEMP TABLE rows AS SELECT (dense_rank() OVER (ORDER BY customer) - 1)::INTEGER AS ord, * FROM events',
  );
  await connection.run('CREATE INDEX by_ord ON rows (ord)');
  const select = await connection.prepare('SELECT * FROM rows WHERE ord = ?');
  const activities: RawActivities = {
    async summarizePartition(ordinal) {
      select.bindInteger(1, ordinal);
      return summarize((await select.runAndReadAll()).getRowObjectsJS() as unknown as Event[]);
    },
  };
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
