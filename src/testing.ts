/**
 * `partwise/testing`: call a partition function on a few rows, in this process, with real SQL and no server.
 *
 * ```ts
 * import { runPartitionFunction } from 'partwise/testing';
 *
 * test('adds up the orders of a region', async () => {
 *   const { result, uploads } = await runPartitionFunction(salesByRegion, {
 *     key: { region: 'North' },
 *     rows: [{ amount: 10 }, { amount: 32 }],
 *   });
 *   expect(result).toEqual({ orders: 2, total: 42 });
 *   expect(uploads.get('summary.json')).toEqual({ orders: 2, total: 42 });
 * });
 * ```
 */
export type {
  ArtifactReader,
  ArtifactWriter,
  PartitionContext,
  PartitionData,
  PartitionFunction,
  PartitionResult,
  PartitionSql,
  WarehouseConnection,
} from './functions/types';
export type { ModelInput, RetryOptions, RetryRules } from './core/input';
export type { Row } from './core/row';
export { loadFunctions } from './runners/node/load-source';
export { runPartitionFunction, type TestCall, type TestOutcome } from './functions/run-partition-function';
