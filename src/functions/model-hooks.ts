/**
 * How partition models, which are made of partition functions, reach into a call: the model of the partition,
 * and rows that are held out. Never used by people: `definePartitionModel` does.
 */
import type { PartitionData, PartitionFunction } from './types';
import type { ModelInput, ModelTask } from '../core/input';

/** How a trained model becomes bytes and is read again. */
export interface ModelSerde<Model> {
  /**
   * Name of the file it is kept in, such as `model.json`. A version made with one name is not read with
   * another.
   */
  readonly filename: string;
  write(model: Model): Uint8Array | string | Promise<Uint8Array | string>;
  read(bytes: Uint8Array): Model | Promise<Model>;
}

/** A partition function that belongs to a model. */
export interface ModelFunction<Params = Record<string, unknown>> extends PartitionFunction<Params> {
  readonly model: { readonly name: string; readonly task: ModelTask };
}

/**
 * A function's settings for models, and how it gets at them. Never the user's: the wrappers of `define.ts`
 * use it.
 */
export interface ModelHost {
  readonly settings: ModelInput;
  /** The model of a partition, decoded once per runner and kept while there is room; null: there is none. */
  load<Model>(partition: string, serde: ModelSerde<Model>): Promise<Model | null>;
}

/**
 * Under which a context has its `ModelHost`. `Symbol.for`, so that two copies of the package understand each
 * other.
 */
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
