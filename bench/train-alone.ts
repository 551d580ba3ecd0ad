/** What training costs in one process, without any run. */
import { gradientBoostedTrees } from '../src/models';
import { runPartitionFunction } from '../src/testing';

const trees = gradientBoostedTrees({ name: 'trees', label: 'y', features: ['a', 'b'] });

/** One model of rows like those of the benchmark's query. */
export async function trainAlone(k: number, rows: number): Promise<void> {
  const own = Array.from({ length: rows }, (_, i) => ({
    a: i % 24,
    b: i % 7,
    y: ((i * 7 + k) % 24) + (i % 7),
  }));
  await runPartitionFunction(trees.train, { rows: own, key: { k } });
}
