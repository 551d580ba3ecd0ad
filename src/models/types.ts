/** What a partition model is: code that trains and predicts, with one trained model for each partition. */
import type { PartitionContext, PartitionData, PartitionFunction } from '../functions/types';
import type { ModelSerde, ModelFunction } from '../functions/model-hooks';

/** Measures of one partition's model; `null`: it could not be measured. Finite numbers. */
export type ModelMetrics = Record<string, number | null>;

/** A partition model's code. Make a model of it with `definePartitionModel`. */
export interface ModelOptions<Model, Params = Record<string, unknown>> extends Pick<
  PartitionFunction<Params>,
  'timeout' | 'memory' | 'retry' | 'bigTaskQueue'
> {
  /** By which runs name it: letters, digits, `_` and `-`, at most 80. */
  name: string;
  /**
   * Makes the partition's model of its rows: of those that are not held out, where the run holds some out.
   */
  train(data: PartitionData, context: PartitionContext<Params>): Model | Promise<Model>;
  /**
   * Predicts for a partition's rows: one item for each row of `data`, in its order. An item that is no object
   * becomes the column `prediction`.
   */
  predict(
    model: Model,
    data: PartitionData,
    context: PartitionContext<Params>,
  ): readonly unknown[] | Promise<readonly unknown[]>;
  /** How models are kept. Default: as JSON. */
  serde?: ModelSerde<Model>;
  /**
   * Measures a model that was just trained: on the rows that the run holds out, else on those it was trained
   * on.
   */
  metrics?(
    model: Model,
    data: PartitionData,
    context: PartitionContext<Params>,
  ): ModelMetrics | Promise<ModelMetrics>;
}

/**
 * A model for each partition: its three partition functions, which runs name `NAME.train`, `NAME.predict` and
 * `NAME.fitPredict`.
 */
export interface PartitionModel<Model, Params = Record<string, unknown>> {
  readonly name: string;
  readonly serde: ModelSerde<Model>;
  /**
   * Trains and keeps a partition's model; its row has `trained_rows`, `model_file`, `model_bytes` and the
   * metrics.
   */
  readonly train: ModelFunction<Params>;
  /** Predicts with the partition's own model of a version or of a training run. */
  readonly predict: ModelFunction<Params>;
  /** Trains on the rows that are not held out and predicts those that are; the model is dropped. */
  readonly fitPredict: ModelFunction<Params>;
}

/** One partition's model as a version has it. */
export interface ModelEntry {
  /** Partition id. */
  partition: string;
  /** Where its bytes are: `bytes` bytes at `offset` of the file at `path` on the stage. */
  path: string;
  offset: number;
  bytes: number;
  sha256: string;
  /** Name of the file, as the serde calls it. */
  file: string;
  metrics: ModelMetrics;
  /** Condition of the rows that the metrics were measured on; null: on those that it was trained on. */
  holdout: string | null;
  /** Rows it was trained on. */
  rows: number;
  /** The run that trained it. */
  run: string;
  /** When that run's rows were pinned; ISO 8601 UTC. */
  snapshotTime: string;
}

/** A partition's model, fetched. */
export interface ModelFile {
  /** A local copy. */
  file: string;
  /** What the serde called it. */
  name: string;
}
