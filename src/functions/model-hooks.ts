/**
 * How partition models, which consist of partition functions, access the internals of a call: the partition's
 * model, and held-out rows. Not for users: `definePartitionModel` uses it.
 */
import type { PartitionData, PartitionFunction } from './types';
import type { ModelInput, ModelTask } from '../core/input';

/** Encodes a trained model as bytes, and decodes it. */
export interface ModelSerde<Model> {
  /**
   * Name of the model's file, such as `model.json`. A version that was written under one name is not read
   * under another.
   */
  readonly filename: string;
  write(model: Model): Uint8Array | string | Promise<Uint8Array | string>;
  read(bytes: Uint8Array): Model | Promise<Model>;
}

/** A partition function that belongs to a model. */
export interface ModelFunction<Params = Record<string, unknown>> extends PartitionFunction<Params> {
  readonly model: {
    readonly name: string;
    readonly task: ModelTask;
    /** The user's function that `run` calls first: a debugger stops there. */
    readonly hook: (...args: never[]) => unknown;
  };
}

/**
 * The run's settings for models, and access to the models. Not for users: the wrappers in `models/define.ts`
 * use it.
 */
export interface ModelHost {
  readonly settings: ModelInput;
  /**
   * Returns a partition's model, decoded once per runner and kept while there is room, or null if it has
   * none.
   */
  load<Model>(partition: string, serde: ModelSerde<Model>): Promise<Model | null>;
}

/**
 * The key of a context's `ModelHost`. `Symbol.for`, so that two copies of the package are compatible.
 */
export const MODEL_HOST = Symbol.for('partwise.modelHost');

/** A partition's rows, split by a condition. */
export interface SplitData {
  /** Rows for which the condition is false or NULL. */
  rest: PartitionData;
  heldOut: PartitionData;
  /** Positions of the held-out rows in the partition, from 0. */
  positions: readonly number[];
}

/** The key of the method that splits `data`. `Symbol.for`, as above. */
export const SPLIT_DATA = Symbol.for('partwise.splitData');

export const PARTITION_MODEL = Symbol.for('partwise.partitionModel');

export function isPartitionModel(
  value: unknown,
): value is { train: ModelFunction; predict: ModelFunction; fitPredict: ModelFunction } {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as Record<symbol, unknown>)[PARTITION_MODEL] === true
  );
}
