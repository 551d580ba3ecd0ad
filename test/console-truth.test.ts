/**
 * What the console shows is what the run is, while workers are killed. Some minutes: only with `npm run
 * test:long`.
 */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { decodeCells, STATUS_BITS } from '../src/console/wire/cells';
import type { RunNow, TableAnswer } from '../src/console/wire/types';
import { PARTITION_STATUSES, type RunHandle, type RunState } from '../src/index';
import { Random } from './chaos/random';
import { cli } from './support/cli';
import { describeLongBrowser, type TestConsole } from './support/console';
import { askConsole } from './support/console-api';
import { consoleFixture } from './support/console-fixture';
import type { TestProject } from './support/project';
import { until } from './support/until';

type Counts = RunState['counts'];

const PARTITIONS = 40_000;
const MINUTES = 900_000;
/** In which what stands still is shown as it is. */
const STANDSTILL_MS = 20_000;
/** Partitions that end before a worker is killed: from, and up to. */
const BETWEEN_KILLS = { first: [500, 4_500], retry: [100, 250] } as const;
/** Kills of each execution of a seed, after each of which everything was compared. */
const LEAST_COMPARED = { first: 5, retry: 3 };

const FUNCTIONS = `
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

/** One in 50 throws, for one of two causes, until the file params.fixed exists, and then takes longer. */
export const shaky = definePartitionFunction({
  name: 'shaky',
  retry: { maximumAttempts: 2, initialInterval: 10 },
  async run(data, { key, params }) {
    if (key.k % 4 === 0) await sleep(2);
    if (key.k % 50 === 3) {
      if (existsSync(params.fixed)) await sleep(25);
      else throw key.k % 100 === 3 ? new RangeError('No price for ' + key.k) : new TypeError('No region');
    }
    return { doubled: 2 * key.k };
  },
});
`;

describeLongBrowser('the console during a run whose workers are killed', () => {
  const fixture = consoleFixture();
  let project: TestProject;
  let served: TestConsole;
  let page: Page;

  beforeAll(async () => {
    ({ project, served } = await fixture.start(FUNCTIONS, {
      tables: [`CREATE TABLE t AS SELECT range::INTEGER AS k FROM range(${PARTITIONS})`],
      worker: null,
    }));
    page = await fixture.signedIn();
  });

  it.each([1, 2, 3])(
    'has the counts of status --json after every kill, and in the end every partition (seed %i)',
    async (seed) => {
      const random = new Random(seed);
      const fixed = join(project.folder, `fixed-${seed}`);
      const started = await project.partwise.start(
        {
          function: 'shaky',
          source: { table: 't' },
          partitionBy: ['k'],
          params: { fixed },
          options: { heartbeatTimeout: '3s', toleratedFailures: '5%' },
        },
        { runId: project.runId(`truth-${seed}`) },
      );
      // Of the execution that is the latest, whichever that is.
      const run = project.partwise.getRun(started.runId);
      // The table shows what is DONE: its total comes from the partitions, the buttons' from the history.
      await page.goto(`${served.origin}/runs/${run.runId}?status=DONE`);
      const compared = { first: 0, retry: 0 };
      const followToItsEnd = async (execution: keyof typeof compared): Promise<Counts> => {
        const [least, most] = BETWEEN_KILLS[execution];
        for (;;) {
          const worker = await project.startWorker({ PARTWISE_RUNNERS: '2' });
          const ended = (counts: Counts): number => counts.total - counts.PENDING - counts.RUNNING;
          const enough = ended((await run.status()).counts) + random.int(least, most);
          const state = await until(async () => {
            await sameVersion(run.runId);
            const now = await run.status();
            const isPlanned = now.counts.total > 0;
            return (now.status !== 'IN_PROGRESS' || (isPlanned && ended(now.counts) >= enough)) && now;
          });
          const exited = once(worker, 'exit');
          worker.kill(state.status === 'IN_PROGRESS' ? 'SIGKILL' : 'SIGTERM');
          await exited;
          await agree(run);
          compared[execution]++;
          if (state.status !== 'IN_PROGRESS') return state.counts;
        }
      };
      const first = await followToItsEnd('first');
      // A unit whose worker was killed again and again has given up its partitions.
      expect(first.DONE + first.FAILED + first.INTERNAL_ERROR).toBe(PARTITIONS);
      expect(Math.round(first.DONE / first.FAILED)).toBe(49);
      await compareEach(run);
      await writeFile(fixed, '');
      for (let { DONE } = (await run.status()).counts; DONE < PARTITIONS;) {
        await run.retry();
        const counts = await followToItsEnd('retry');
        expect(counts).toMatchObject({ FAILED: 0, DONE: PARTITIONS - counts.INTERNAL_ERROR });
        ({ DONE } = counts);
      }
      await compareEach(run);
      console.log(`Seed ${seed}: compared after ${JSON.stringify(compared)} kills.`);
      expect(compared.first).toBeGreaterThanOrEqual(LEAST_COMPARED.first);
      expect(compared.retry).toBeGreaterThanOrEqual(LEAST_COMPARED.retry);
    },
    MINUTES,
  );

  /** Compares everything that shows counts with `status --json`, as soon as the run stands still. */
  async function agree(run: RunHandle): Promise<void> {
    let still = { counts: '', since: Date.now() };
    for (;;) {
      const { now } = await sameVersion(run.runId);
      const shown = await page.evaluate(`(${SHOWN})()`);
      const { stdout } = await cli(project.folder, ['status', run.runId, '--json']);
      const { counts } = JSON.parse(stdout) as RunState;
      const text = JSON.stringify(counts);
      if (text === JSON.stringify(now) && shown === shownOf(counts)) return;
      if (text !== still.counts) still = { counts: text, since: Date.now() };
      else if (Date.now() - still.since > STANDSTILL_MS)
        expect([now, shown]).toEqual([counts, shownOf(counts)]);
    }
  }

  /** The counts of the state, which are those of the table and the cells of the same version. */
  async function sameVersion(runId: string): Promise<{ now: Counts }> {
    const path = `runs/${runId}`;
    return until(async () => {
      const { value: now } = await askConsole<RunNow>(served, path);
      if (now.version === 0) return null;
      const query = { filter: {}, sort: { column: 'key', descending: false }, offset: 0, limit: 1 };
      const { value: table } = await askConsole<TableAnswer>(served, `${path}/table`, query);
      const answer = await fetch(`${served.origin}/api/v1/${path}/cells?planes=status&since=0`, {
        headers: { authorization: `Bearer ${served.token}` },
      });
      const cells = decodeCells(new Uint8Array(await answer.arrayBuffer()));
      const { value: last } = await askConsole<RunNow>(served, path);
      // One of them is newer: again.
      if (now.version !== last.version || table.version !== now.version) return null;
      if (cells.header.version !== now.version) return null;
      const counts = PARTITION_STATUSES.map(() => 0);
      for (const byte of cells.bytes[0]!) counts[byte & STATUS_BITS]!++;
      const { counts: wanted } = now.state;
      expect([countsOf(table.counts), countsOf(counts)]).toEqual([wanted, wanted]);
      return { now: wanted };
    });
  }

  /** Every cell against `partitions`, one by one. */
  async function compareEach(run: RunHandle): Promise<void> {
    const { version } = await until(async () => {
      const { value } = await askConsole<RunNow>(served, `runs/${run.runId}`);
      return value.state.status !== 'IN_PROGRESS' && value.version > 0 && value;
    });
    const answer = await fetch(
      `${served.origin}/api/v1/runs/${run.runId}/cells?planes=status,attempts,group&since=0`,
      { headers: { authorization: `Bearer ${served.token}` } },
    );
    const { header, bytes } = decodeCells(new Uint8Array(await answer.arrayBuffer()));
    expect([header.version, header.total]).toEqual([version, PARTITIONS]);
    const different: unknown[] = [];
    let ordinal = 0;
    for (let after: string | undefined, isLast = false; !isLast;) {
      const { partitions, next } = await run.partitions({ limit: 5_000, after });
      for (const { id, status, attempts, error } of partitions) {
        const cell = PARTITION_STATUSES[bytes[0]![ordinal]! & STATUS_BITS];
        const isSame =
          id === String(ordinal) &&
          cell === status &&
          bytes[1]![ordinal] === attempts &&
          bytes[2]![ordinal]! > 0 === (error !== null);
        if (!isSame) different.push({ ordinal, id, cell, status, attempts });
        ordinal++;
      }
      after = next ?? undefined;
      isLast = next === null;
    }
    expect([ordinal, different.slice(0, 3)]).toEqual([PARTITIONS, []]);
  }
});

/** In the page: its buttons of statuses, and the total of its table of DONE partitions. */
const SHOWN = `() => {
  const counts = [...document.querySelectorAll('.toggle')].map((each) => each.innerText.replace(/^\\S+\\s+/, ''));
  const total = document.querySelector('.table-panel h2 .faint')?.innerText;
  return [...counts, total].join('; ');
}`;

function shownOf(counts: Counts): string {
  const number = (n: number): string => n.toLocaleString('en-US');
  const buttons = PARTITION_STATUSES.filter((status) => counts[status] > 0 || status === 'DONE').map(
    (status) => `${status} ${number(counts[status])}`,
  );
  return [...buttons, `${number(counts.DONE)} of ${number(counts.total)}`].join('; ');
}

function countsOf(numbers: readonly number[]): Counts {
  const counts = Object.fromEntries(PARTITION_STATUSES.map((status, i) => [status, numbers[i] ?? 0]));
  return { ...counts, total: numbers.reduce((sum, n) => sum + n, 0) } as Counts;
}
