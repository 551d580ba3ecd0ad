/**
 * `partwise/models`: a ready learner and what goes with it. Apart from `partwise`, so that those who bring
 * their own load none of it.
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
export type { ModelFunction, ModelSerde } from './functions/model-hooks';
export type { ModelTask, RetryOptions, RetryRules } from './core/input';
export type { PartitionModel } from './models/types';
export type { Row } from './core/row';
export { calendarFeatures, type CalendarFeatures } from './models/calendar';
export { gradientBoostedTrees, type TreesOptions } from './models/gradient-boosted-trees';
export { forecastPicture, type ForecastPicture } from './models/picture';
