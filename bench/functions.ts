/** The functions of the benchmarks. The floor and the raw SDK call the same arithmetic. */
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';
import { gradientBoostedTrees } from 'partwise/models';
import { isPoison, spin, summarize, summarizeFlights, type Event, type Flight } from './arithmetic';

/** Count, sum and median of a few rows. */
export const summary = definePartitionFunction({
  name: 'summary',
  async run(data) {
    return summarize(await data.rows<Event>());
  },
});

/** Delays of the flights of a partition. */
export const flights = definePartitionFunction({
  name: 'flights',
  async run(data) {
    return summarizeFlights(await data.rows<Flight>());
  },
});

/** Uses `ms` milliseconds of CPU. */
export const cpu = definePartitionFunction<{ ms: number }>({
  name: 'cpu',
  run: (_, { params }) => ({ spun: spin(params.ms) }),
});

/** The same in SQL. */
export const pushdown = definePartitionFunction({
  name: 'pushdown',
  async run(data) {
    const [row] = await data.sql<{ total: number }>`SELECT sum(amount) AS total FROM data`;
    return row;
  },
});

/** The query of the README, over few rows. */
export const queried = definePartitionFunction({
  name: 'queried',
  async run(data) {
    const [row] = await data.sql`SELECT count(*) AS orders, sum(amount) AS total FROM data`;
    return row;
  },
});

/** What it costs to call a function. */
export const constant = definePartitionFunction({
  name: 'constant',
  run: () => ({ orders: 20, total: 0.5 }),
});

/** Throws in 5 % of the partitions until the file exists, and records every call. */
export const poison = definePartitionFunction<{ fixed: string; calls: string }>({
  name: 'poison',
  async run(data, { key, params }) {
    const { customer } = key as { customer: string };
    if (params.calls !== '') appendFileSync(params.calls, `${customer}\n`);
    if (isPoison(customer) && params.fixed !== '' && !existsSync(params.fixed))
      throw new Error(`The customer ${customer} is not welcome.`);
    return summarize(await data.rows<Event>());
  },
});

/** Takes `ms` milliseconds, and records every call with its process and time. */
export const slow = definePartitionFunction<{ calls: string; ms: number }>({
  name: 'slow',
  async run(data, { partitionId, params }) {
    await sleep(params.ms);
    appendFileSync(params.calls, `${partitionId} ${process.pid} ${Date.now()}\n`);
    return { n: data.rowCount };
  },
});

/** Takes `ms` milliseconds, then notes the time and throws in every `each`-th partition. */
export const failing = definePartitionFunction<{ calls: string; ms: number; each: number }>({
  name: 'failing',
  retry: { maximumAttempts: 1 },
  async run(_, { key, params }) {
    await sleep(params.ms);
    if ((key as { k: number }).k % params.each > 0) return;
    appendFileSync(params.calls, `${Date.now()}\n`);
    throw new Error('This partition fails.');
  },
});

/** Logs the time every `ms` milliseconds, `lines` times. */
export const talking = definePartitionFunction<{ lines: number; ms: number }>({
  name: 'talking',
  async run(_, { params, log }) {
    for (let i = 0; i < params.lines; i++) {
      log(`said at ${Date.now()};`);
      await sleep(params.ms);
    }
  },
});

/** Trees over two numeric features. */
export const trees = gradientBoostedTrees({ name: 'trees', label: 'y', features: ['a', 'b'] });
