export { partitionedRun } from './partitioned-run';
export { partitionShard } from './partition-shard';
