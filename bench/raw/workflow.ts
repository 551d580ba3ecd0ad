/**
 * One activity per partition, written by hand: 48 lanes and child workflows of 500, following Temporal's own
 * advice.
 */
import { executeChild, proxyActivities } from '@temporalio/workflow';
import type { RawActivities } from './worker';

const LANES = 48;
const PER_CHILD = 500;

const { summarizePartition } = proxyActivities<RawActivities>({ startToCloseTimeout: '1 minute' });

export async function everyPartition(partitions: number): Promise<number> {
  const children: Promise<number>[] = [];
  for (let from = 0; from < partitions; from += PER_CHILD)
    children.push(executeChild(somePartitions, { args: [from, Math.min(from + PER_CHILD, partitions)] }));
  return (await Promise.all(children)).reduce((sum, n) => sum + n, 0);
}

export async function somePartitions(from: number, to: number): Promise<number> {
  let next = from;
  let rows = 0;
  const lane = async (): Promise<void> => {
    while (next < to) rows += (await summarizePartition(next++)).n;
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return rows;
}
