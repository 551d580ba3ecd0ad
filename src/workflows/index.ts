export { partitionedRun } from './partitioned-run';
