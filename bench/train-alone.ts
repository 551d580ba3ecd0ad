/** The cost of training in one process, without a run. */
import type { PartitionContext, PartitionData } from '../src/index';
import { gradientBoostedTrees } from '../src/models';
import { MODEL_HOST } from '../src/functions/model-hooks';

const trees = gradientBoostedTrees({ name: 'trees', label: 'y', features: ['a', 'b'] });

/**
 * Trains one model on rows like those of the benchmark's query, from objects already in memory, and discards
 * it.
 */
export async function trainAlone(k: number, rows: number): Promise<void> {
  const own = Array.from({ length: rows }, (_, i) => ({
    a: i % 24,
    b: i % 7,
    y: ((i * 7 + k) % 24) + (i % 7),
  }));
  const data = { rowCount: rows, rows: () => Promise.resolve(own) } as unknown as PartitionData;
  const context = { upload: () => Promise.resolve(), [MODEL_HOST]: { settings: {} } };
  await trees.train.run(data, context as unknown as PartitionContext);
}
