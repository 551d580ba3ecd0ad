/** One of the two workers of the queue: `node queue-worker.cjs DATABASE WAREHOUSE`. */
import { EventEmitter, once } from 'node:events';
import { run, type WorkerEvents } from 'graphile-worker';
import { indexRows } from '../indexed-rows';

const CONCURRENT = 10;

async function main([connectionString, warehouse]: string[]): Promise<void> {
  const summarizePartition = await indexRows(warehouse!);
  const events = new EventEmitter() as WorkerEvents;
  const listens = once(events, 'pool:listen:success');
  const worker = await run({
    events,
    preset: {
      worker: {
        connectionString: connectionString!,
        concurrentJobs: CONCURRENT,
        // What its documentation recommends for many short jobs: it fetches and completes several at once.
        localQueue: { size: CONCURRENT + 1 },
        completeJobBatchDelay: 25,
        failJobBatchDelay: 25,
      },
    },
    taskList: {
      async summarizePartition(payload, { query }) {
        const { ordinal } = payload as { ordinal: number };
        const { n, total, median } = await summarizePartition(ordinal);
        await query('INSERT INTO results VALUES ($1, $2, $3, $4)', [ordinal, n, total, median]);
      },
    },
  });
  await listens;
  process.send!('ready');
  await worker.promise;
  process.disconnect();
}

void main(process.argv.slice(2));
