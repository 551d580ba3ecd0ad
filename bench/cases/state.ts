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
  work: 'reading a run of 1,000,000 partitions, one of twenty FAILED: its progress, and 100 failed partitions after the 20,000th',
  ratio:
    'time allowed (0.1 s for progress while it runs and after, 0.3 s for the page), whichever is nearest to it',
  target: { atMost: 1 },
  async prepare(world) {
    await world.execute(events(1_000_000, 4));
    await world.startWorker();
    await world.warmUp();
  },
  async measure(world) {
    const mended = join(world.folder, 'mended');
    rmSync(mended, { force: true });
    const run = await world.partwise.start(
      {
        ...byCustomer,
        function: 'poison',
        onExisting: 'overwrite',
        params: { mended, calls: '' },
        options: { maxPartitions: 2_000_000, retry: { maximumAttempts: 1 } },
      },
      { runId: RUN },
    );
    const running = await statusAtHalf(world);
    const { counts } = await run.wait();
    if (counts.FAILED !== 50_000) throw new Error(`${counts.FAILED} partitions failed.`);
    const ended = await afresh(world, async (partwise) => {
      await partwise.getRun(RUN).status();
    });
    // A page in the middle, by a program that has read nothing before.
    const page = await afresh(world, async (partwise) => {
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

/** Seconds of a status while the run is under way, with half of it done. */
async function statusAtHalf(world: World): Promise<number> {
  for (;;) {
    let done = 0;
    const seconds = await afresh(world, async (partwise) => {
      const { counts } = await partwise.getRun(RUN).status();
      done = counts.DONE;
    });
    if (done > 500_000) return seconds;
  }
}

/** Seconds of a reading by a client that was just connected: it has nothing in memory. */
async function afresh(world: World, read: (partwise: Partwise) => Promise<void>): Promise<number> {
  const partwise = await Partwise.connect({ projectDir: world.project });
  try {
    return await timed(() => read(partwise));
  } finally {
    await partwise.close();
  }
}
