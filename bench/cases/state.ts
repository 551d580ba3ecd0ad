import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Partwise } from '../../src/index';
import type { World } from '../world';
import { timed, type Case } from './case';
import { byCustomer, events } from './events';

/** Seconds that each may take. */
const STATUS = 0.1;
const PAGE = 0.3;
const RUN = 'million';

export const state: Case = {
  name: 'state',
  work: 'reading a run of 1,000,000 partitions, 5 % of them FAILED: its progress, and 100 failed partitions after the 20,000th',
  ratio:
    'allowed time (0.1 s for progress while it runs and after, 0.3 s for the page), for the measurement closest to it',
  target: { atMost: 1 },
  async prepare(world) {
    await world.execute(events(1_000_000, 4));
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const fixed = join(world.folder, 'fixed');
    rmSync(fixed, { force: true });
    const run = await world.partwise.start(
      {
        ...byCustomer,
        function: 'poison',
        onExisting: 'overwrite',
        params: { fixed, calls: '' },
        options: { maxPartitions: 2_000_000, retry: { maximumAttempts: 1 } },
      },
      { runId: RUN },
    );
    const running = await statusAtHalf(world);
    const { counts } = await run.wait();
    if (counts.FAILED !== 50_000) throw new Error(`${counts.FAILED} partitions failed.`);
    const ended = await withNewClient(world, async (partwise) => {
      await partwise.getRun(RUN).status();
    });
    // A page in the middle, read by a program that has read nothing before.
    const page = await withNewClient(world, async (partwise) => {
      const { partitions } = await partwise
        .getRun(RUN)
        .partitions({ status: 'FAILED', limit: 100, after: '399999' });
      if (partitions.length !== 100) throw new Error(`The page has ${partitions.length} partitions.`);
    });
    return {
      ratio: Math.max(running / STATUS, ended / STATUS, page / PAGE),
      details: { running, ended, page },
    };
  },
};

/** Seconds that `status` takes while the run is half done. */
async function statusAtHalf(world: World): Promise<number> {
  for (;;) {
    let done = 0;
    const seconds = await withNewClient(world, async (partwise) => {
      const { counts } = await partwise.getRun(RUN).status();
      done = counts.DONE;
    });
    if (done > 500_000) return seconds;
  }
}

/** Seconds that a read takes with a newly connected client, which has nothing in memory. */
async function withNewClient(world: World, read: (partwise: Partwise) => Promise<void>): Promise<number> {
  const partwise = await Partwise.connect({ projectDir: world.project });
  try {
    return await timed(() => read(partwise));
  } finally {
    await partwise.close();
  }
}
