/** The functions of the benchmarks; floor and raw SDK call the same arithmetic. */
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

/** How late the flights of a partition were. */
export const flights = definePartitionFunction({
  name: 'flights',
  async run(data) {
    return summarizeFlights(await data.rows<Flight>());
  },
});

/** 50 ms of CPU. */
export const cpu = definePartitionFunction({
  name: 'cpu',
  run: () => ({ spun: spin(50) }),
});

/** The same by SQL. */
export const pushdown = definePartitionFunction({
  name: 'pushdown',
  async run(data) {
    const [row] = await data.sql<{ total: number }>`SELECT sum(amount) AS total FROM data`;
    return row;
  },
});

/** Throws in one of twenty partitions until the file is there, and notes every call. */
export const poison = definePartitionFunction<{ mended: string; calls: string }>({
  name: 'poison',
  async run(data, { key, params }) {
    const { customer } = key as { customer: string };
    if (params.calls !== '') appendFileSync(params.calls, `${customer}\n`);
    if (isPoison(customer) && params.mended !== '' && !existsSync(params.mended))
      throw new Error(`The customer ${customer} is not welcome.`);
    return summarize(await data.rows<Event>());
  },
});

/** Takes its time, and notes every call with the process and the time. */
export const slow = definePartitionFunction<{ calls: string; ms: number }>({
  name: 'slow',
  async run(data, { partitionId, params }) {
    await sleep(params.ms);
    appendFileSync(params.calls, `${partitionId} ${process.pid} ${Date.now()}\n`);
    return { n: data.rowCount };
  },
});

/** Trees of two numbers. */
export const trees = gradientBoostedTrees({ name: 'trees', label: 'y', features: ['a', 'b'] });
