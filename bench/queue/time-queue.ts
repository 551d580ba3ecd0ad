import { setTimeout as sleep } from 'node:timers/promises';
import { makeWorkerUtils, type WorkerUtils } from 'graphile-worker';
import { timed } from '../cases/case';
import { startContestant, type Contestant } from '../contestant';
import { startPostgres } from '../../test/support/postgres';

/** As many processes as Partwise has runners. */
const PROCESSES = 2;
const RESULTS =
  'CREATE TABLE results (ord integer PRIMARY KEY, n integer, total double precision, median double precision)';

/** Seconds from adding a job for each partition until all rows are stored, with warm workers. */
export async function timeQueue(programs: string, warehouse: string, partitions: number): Promise<number> {
  const postgres = await startPostgres(programs);
  const utils = await makeWorkerUtils({ connectionString: postgres.url });
  const workers: Contestant[] = [];
  try {
    await utils.migrate();
    await utils.withPgClient((client) => client.query(RESULTS));
    for (let i = 0; i < PROCESSES; i++)
      workers.push(await startContestant('queue-worker.cjs', [postgres.url, warehouse]));
    await summarizeAll(utils, partitions);
    await utils.withPgClient((client) => client.query('TRUNCATE results'));
    return await timed(() => summarizeAll(utils, partitions));
  } finally {
    await Promise.all(workers.map((worker) => worker.end()));
    await utils.release();
    await postgres.end();
  }
}

async function summarizeAll(utils: WorkerUtils, partitions: number): Promise<void> {
  await utils.addJobs(
    Array.from({ length: partitions }, (_, ordinal) => ({
      identifier: 'summarizePartition',
      payload: { ordinal },
    })),
  );
  for (;;) {
    const { rows } = await utils.withPgClient((client) =>
      client.query<{ done: number }>('SELECT count(*)::integer AS done FROM results'),
    );
    if (rows[0]!.done === partitions) return;
    await sleep(5);
  }
}
