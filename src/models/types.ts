/** What a partition model is: code that trains and predicts, with one trained model for each partition. */
import type { PartitionContext, PartitionData, PartitionFunction } from '../functions/types';

/** How a trained model becomes bytes and is read again. */
export interface ModelSerde<Model> {
  /** Name of the file it is kept in, such as `model.json`. A version made with one name is not read with another. */
  readonly filename: string;
  write(model: Model): Uint8Array | string | Promise<Uint8Array | string>;
  read(bytes: Uint8Array): Model | Promise<Model>;
}

/** Measures of one partition's model; `null`: it could not be measured. Finite numbers. */
export type ModelMetrics = Record<string, number | null>;

/** A partition model's code. Make a model of it with `definePartitionModel`. */
export interface ModelOptions<Model, Params = Record<string, unknown>> extends Pick<
  PartitionFunction<Params>,
  'timeout' | 'memory' | 'retry' | 'bigTaskQueue'
> {
  /** By which runs name it: letters, digits, `_` and `-`, at most 80. */
  name: string;
  /** Makes the partition's model of its rows: of those that are not held out, where the run holds some out. */
  train(data: PartitionData, context: PartitionContext<Params>): Model | Promise<Model>;
  /**
   * Predicts for a partition's rows: one item for each row of `data`, in its order. An item that is no object becomes the column
   * `prediction`.
   */
  predict(
    model: Model,
    data: PartitionData,
    context: PartitionContext<Params>,
  ): readonly unknown[] | Promise<readonly unknown[]>;
  /** How models are kept. Default: as JSON. */
  serde?: ModelSerde<Model>;
  /** Measures a model that was just trained: on the rows that the run holds out, else on those it was trained on. */
  metrics?(
    model: Model,
    data: PartitionData,
    context: PartitionContext<Params>,
  ): ModelMetrics | Promise<ModelMetrics>;
}

/** What a run of a model's function does. */
export type ModelTask = 'train' | 'predict' | 'fitPredict';

/** A partition function that belongs to a model. */
export interface ModelFunction<Params = Record<string, unknown>> extends PartitionFunction<Params> {
  readonly model: { readonly name: string; readonly task: ModelTask };
}

/** A model for each partition: its three partition functions, which runs name `NAME.train`, `NAME.predict` and `NAME.fitPredict`. */
export interface PartitionModel<Model, Params = Record<string, unknown>> {
  readonly name: string;
  readonly serde: ModelSerde<Model>;
  /** Trains and keeps a partition's model; its row has `trained_rows`, `model_file`, `model_bytes` and the metrics. */
  readonly train: ModelFunction<Params>;
  /** Predicts with the partition's own model of a version or of a training run. */
  readonly predict: ModelFunction<Params>;
  /** Trains on the rows that are not held out and predicts those that are; the model is dropped. */
  readonly fitPredict: ModelFunction<Params>;
}

/** What an input says about models (`RunInput.model`). */
export interface ModelInput {
  /** To predict with: the name of a model in the registry … */
  name?: string;
  /** … and which version of it: a number, or an alias such as `'production'`. Default: the newest. */
  version?: number | string;
  /** Instead of a name: the run whose models are used. */
  run?: string;
  /** A partition without a model fails (`'error'`, default), is SKIPPED, or is predicted with another partition's model. */
  onMissing?: 'error' | 'skip' | 'fallback';
  /** For `'fallback'`: id of the partition whose model stands in. */
  fallback?: string;
  /** Input columns that predictions carry besides the key and `row_id`. */
  keep?: string[];
  /**
   * SQL condition on a partition's rows, such as `"hour >= '2013-12-04'"`. To train: rows that meet it are not trained on, and the
   * metrics are measured on them. For `NAME.fitPredict`: these rows are predicted.
   */
  holdout?: string;
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

/** A function's settings for models, and how it gets at them. Never the user's: the wrappers of `define.ts` use it. */
export interface ModelHost {
  readonly settings: ModelInput;
  /** The model of a partition, decoded once per runner and kept while there is room; null: there is none. */
  load<Model>(partition: string, serde: ModelSerde<Model>): Promise<Model | null>;
}

/** Under which a context has its `ModelHost`. `Symbol.for`, so that two copies of the package understand each other. */
export const MODEL_HOST = Symbol.for('partwise.modelHost');

/** A partition without the rows that meet a condition, and those rows. */
export interface SplitData {
  /** Rows that do not meet it; those of which it is NULL, too. */
  rest: PartitionData;
  heldOut: PartitionData;
  /** Of the rows held out, in the partition, from 0. */
  positions: readonly number[];
}

/** Under which `data` divides itself. `Symbol.for`, as above. */
export const SPLIT_DATA = Symbol.for('partwise.splitData');
