/**
 * `partwise/models`: a ready-made learner and its helpers. Separate from `partwise`, so that projects with
 * their own learner do not load it.
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
export { calendarFeatures, type CalendarFeatures } from './models/learner/calendar';
export { gradientBoostedTrees, type TreesOptions } from './models/learner/gradient-boosted-trees';
export { forecastPicture, type ForecastPicture } from './models/learner/picture';
