/**
 * The public API of Partwise: partition functions, configuration, and starting and reading runs.
 *
 * A project's functions file imports this module in every runner process, so it loads nothing heavy: the
 * Temporal client and DuckDB are loaded only when a function that needs them is called.
 */
export { definePartitionFunction } from './functions/define';
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

export { definePartitionModel } from './models/define';
export { bytesSerde, jsonSerde } from './models/serde';
export { RegistryConflict, RegistryRefused } from './models/records';
export type { ModelEntry, ModelMetrics, ModelOptions, PartitionModel } from './models/types';
export type { ModelVersion } from './client/registry/model-version';
export type { ModelRegistry, RegisteredModel } from './client/registry/registry';
export type {
  AliasStep,
  ModelListing,
  Promotion,
  PromotionPreview,
  PromoteOptions,
  VersionRef,
  VersionView,
} from './client/registry/types';
export type { ComparedPartition, Comparison, ComparisonOptions } from './models/compare';

export { defineConfig, type Notifier, type PartwiseConfig } from './config/define';

export { Partwise, type ConnectOptions, type HistoryFileOptions } from './client/partwise';
export type { ProjectCheckOptions } from './client/doctor';
export { Project, type Places, type ProjectOptions } from './client/project';
export type { SourceExcerpt, SourceOptions } from './client/source-excerpt';
export { inputProblems, retryProblems, scheduleProblems } from './client/input-problems';
export type { Check } from './core/setup-check';
export {
  CannotArchive,
  CannotCompare,
  NoResults,
  NoSuchArtifact,
  NotATable,
  CleanRefused,
  NoSuchPartition,
  NoSuchRun,
  NoSuchSchedule,
  NoSuchStage,
  RunEnded,
  ServerNeeded,
  ScheduleRefused,
  StartRefused,
  UnreadableHistory,
  UpdateRefused,
  WaitTimeout,
} from './reader/errors';
export type {
  ComparedOutcome,
  ComparedPartitionView,
  ComparedRun,
  RunComparison,
} from './reader/comparison-types';
export type { ListOptions, RunListing, RunPage } from './reader/list-types';
export type { LogEntry, LogPage, LogPageLine, LogPageOptions } from './reader/log-types';
export type { ResultRows, ResultsOptions, ResultsPage, ResultsPageOptions } from './reader/results-types';
export type {
  ArtifactHead,
  ArtifactView,
  PartitionHandle,
  PartitionPage,
  PartitionView,
  TablePreview,
} from './reader/partition-types';
export type { RunHandle } from './reader/run-handle';
export type {
  PlannedRun,
  RunArchive,
  RunEvent,
  RunSettings,
  RunSnapshot,
  SelectedPartitions,
  UnitView,
  WaitOptions,
  WholeRun,
} from './reader/types';
export type {
  CalendarField,
  CalendarInput,
  CalendarValues,
  Overlap,
  ScheduleChanges,
  ScheduledRun,
  ScheduleFiring,
  ScheduleInput,
  ScheduleListing,
  Schedules,
  ScheduleSpecView,
  ScheduleView,
} from './client/schedules/types';
export type { CleanedRun, CleanOptions, CleanReport, FilesAndBytes, UnreadRun } from './client/clean/types';
export type {
  CallView,
  CellDifference,
  DebugEvent,
  DebugOptions,
  DebugReport,
  OutcomeComparison,
  TriedPartition,
  TryEvent,
  TryOptions,
  TryReport,
} from './client/trial/types';
export type { TypeGuesses } from './core/type-guesses';
export type { SizeBin, SizedPartition } from './client/partition-sizes';
export type { Quantiles } from './core/quantiles';
export type { PlanPreview, UnitSize } from './client/plan-preview';
export type { TimeBound } from './client/time-bound';
export type { ProjectFunction } from './client/project-functions';
export type { FunctionDescription } from './core/function-description';
export type {
  ModelInput,
  ModelTask,
  OutputInput,
  RetryInput,
  RetryOptions,
  RetryRules,
  RunInput,
  RunOptions,
  Source,
} from './core/input';
export type { ColumnStatistics, HistogramBin } from './rows/column-statistics';
export { FILTER_OPERATORS, type FilterOperator } from './core/filter-operators';
export type { ResultFilter, ResultSort } from './rows/results-query';
export type { ArtifactKind } from './reader/partitions/artifact-kind';
export type { EarlierError } from './core/earlier-errors';
export type { StageRuns } from './client/stage-runs';
export type { PollerView, QueueView, QueueWork, WorkersOptions } from './client/workers';
export type { ShortError } from './core/end-memo';
export type { ErrorInfo, FinalStatus } from './core/outcome';
export type { RefusalType } from './core/refusal';
export type { Tolerance } from './core/failures/tolerance';
export type { Column, ModelUse } from './core/plan';
export type { Runtime } from './core/runtime';
export type { CommitResult } from './core/tasks';
export {
  FAILURE_STATUSES,
  PARTITION_STATUSES,
  RUN_STATUSES,
  wasRefused,
  type FailureStatus,
  type PartitionStatus,
  type RunStatus,
  type StatusCounts,
} from './core/status';
export {
  DIFFERENCE_CAUSES,
  PARTITION_DIFFERENCES,
  type ComparisonColumns,
  type DifferenceCause,
  type DurationRatios,
  type PartitionDifference,
} from './history/compare-runs';
export type { FailureExample, FailureGroup } from './history/failure-groups';
export { ordinalRanges } from './core/ordinal-ranges';
export type { SkippedOrdinals, SkipSelection } from './core/skip-selection';
export type { PartitionColumns } from './history/partition-columns';
export type { StackPlace } from './core/stack-place';
export type { Row } from './core/row';
export type { Step } from './history/facts';
export type {
  ExecutionView,
  NextAttempt,
  ProcessedInput,
  RunState,
  WaitingRetries,
  WaitingRetry,
  WaitingStep,
} from './history/state';
export type { HistoriesOptions, RunHistory } from './reader/histories/histories';
export type { HistoryEvent } from './history/events';
export type { TemporalBinary } from './temporal/binary/types';
export type { OnTemporalEvent, TemporalEvent } from './temporal/events';
export type { EncryptionSettings, TemporalSettings } from './temporal/settings';
export type { KeySource } from './trust/payload-keys';
export type { ModelFunction, ModelSerde } from './functions/model-hooks';
