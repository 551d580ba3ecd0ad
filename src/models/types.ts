/** Types of partition models: code that trains and predicts, with one trained model per partition. */
import type { PartitionContext, PartitionData, PartitionFunction } from '../functions/types';
import type { ModelSerde, ModelFunction } from '../functions/model-hooks';

/** Metrics of one partition's model: finite numbers, or null for a metric that could not be measured. */
export type ModelMetrics = Record<string, number | null>;

/** The code of a partition model, for `definePartitionModel`. */
export interface ModelOptions<Model, Params = Record<string, unknown>> extends Pick<
  PartitionFunction<Params>,
  'timeout' | 'memory' | 'retry' | 'bigTaskQueue'
> {
  /** The name that runs use for it: letters, digits, `_` and `-`, at most 80 characters. */
  name: string;
  /**
   * Trains the partition's model on its rows, except those that the run holds out.
   */
  train(data: PartitionData, context: PartitionContext<Params>): Model | Promise<Model>;
  /**
   * Predicts for a partition's rows. Returns one item for each row of `data`, in the same order. An item that
   * is not an object becomes the column `prediction`.
   */
  predict(
    model: Model,
    data: PartitionData,
    context: PartitionContext<Params>,
  ): readonly unknown[] | Promise<readonly unknown[]>;
  /** How models are serialized. Default: as JSON. */
  serde?: ModelSerde<Model>;
  /**
   * Measures a newly trained model on the rows that the run holds out, or else on the training rows.
   */
  metrics?(
    model: Model,
    data: PartitionData,
    context: PartitionContext<Params>,
  ): ModelMetrics | Promise<ModelMetrics>;
}

/**
 * A partition model with its three partition functions, which runs name `NAME.train`, `NAME.predict` and
 * `NAME.fitPredict`.
 */
export interface PartitionModel<Model, Params = Record<string, unknown>> {
  readonly name: string;
  readonly serde: ModelSerde<Model>;
  /**
   * Trains and stores a partition's model. Its result row has `trained_rows`, `model_file`, `model_bytes` and
   * the metrics.
   */
  readonly train: ModelFunction<Params>;
  /** Predicts with the partition's own model, from a version or from a training run. */
  readonly predict: ModelFunction<Params>;
  /** Trains on the rows that are not held out, predicts the held-out rows, and discards the model. */
  readonly fitPredict: ModelFunction<Params>;
}

/** One partition's model in a version. */
export interface ModelEntry {
  /** Partition id. */
  partition: string;
  /** Its location: `bytes` bytes at `offset` of the file at `path` on the stage. */
  path: string;
  offset: number;
  bytes: number;
  sha256: string;
  /** The serde's file name. */
  file: string;
  metrics: ModelMetrics;
  /** Condition of the rows that the metrics were measured on. Null for the training rows. */
  holdout: string | null;
  /** Rows it was trained on. */
  rows: number;
  /**
   * The interpreter and packages that trained it, such as `Python 3.11.7, sklearn 1.9.1`. Absent: trained in
   * TypeScript, whose models do not depend on them.
   */
  trainedWith?: string;
  /** The run that trained it. */
  run: string;
  /** When that run's rows were pinned; ISO 8601 UTC. */
  snapshotTime: string;
}

/** A partition's model, fetched. */
export interface ModelFile {
  /** A local copy. */
  file: string;
  /** The serde's file name. */
  name: string;
  /** See `ModelEntry`. */
  trainedWith?: string;
}
