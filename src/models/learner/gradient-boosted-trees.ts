/** A ready-made model: gradient-boosted trees over feature columns. */
import type { PartitionData, PartitionFunction } from '../../functions/types';
import { didYouMean } from '../../core/nearest';
import { definePartitionModel } from '../define';
import { bytesSerde } from '../serde';
import type { ModelMetrics, PartitionModel } from '../types';
import { askTrees, trainTrees, type YdfColumn } from './ydf';
import type { Row } from '../../core/row';
import { InvalidResult } from '../../rows/invalid-result';

export interface TreesOptions extends Pick<
  PartitionFunction,
  'timeout' | 'memory' | 'retry' | 'bigTaskQueue'
> {
  /** The name that runs use for it. */
  name: string;
  /**
   * The column to predict: a number, or text for classes. Rows where it is NULL or NaN are not trained on.
   */
  label: string;
  /** The columns to predict it from: numbers, text, booleans (as 0 and 1). NULL is a missing value. */
  features: readonly string[];
  /** Computes additional columns from a row, such as calendar features, which `features` can then name. */
  derive?: (row: Row) => Record<string, number | string | boolean | null>;
  /** Lower bound for numeric predictions. Default: none. */
  atLeast?: number;
}

/** YDF's files in one zip archive. */
const treesSerde = Object.freeze({ ...bytesSerde, filename: 'model.ydf.zip' });

/**
 * Defines a model of gradient-boosted trees (YDF; install `ydf-training`): regression if the label is a
 * number, otherwise classification. Metrics: `mae` and `rmse`, or `accuracy`; and `measured_rows`.
 *
 * ```ts
 * export const traffic = gradientBoostedTrees({
 *   name: 'traffic',
 *   label: 'departures',
 *   features: ['hour', 'weekday', 'month'],
 *   derive: ({ at }) => calendarFeatures(at as Date),
 *   atLeast: 0,
 * });
 * ```
 *
 * A partition with only one class gets a model that always predicts it, stored as JSON.
 *
 * The same rows in the same order give the same trees, in files that differ only in an id. YDF uses its
 * default settings, which the package does not allow changing.
 */
export function gradientBoostedTrees(options: TreesOptions): PartitionModel<Uint8Array> {
  const { name, label, features, derive, atLeast, ...settings } = options;
  if (features.length === 0)
    throw new TypeError(`gradientBoostedTrees: "features" of "${name}" is empty; name at least one column.`);
  if (features.includes(label))
    throw new TypeError(
      `gradientBoostedTrees: "${label}" of "${name}" is the label, so it cannot be a feature.`,
    );
  const inputs = async (
    data: PartitionData,
  ): Promise<{ rows: Row[]; columns: Record<string, YdfColumn> }> => {
    const rows = (await data.rows()).map((row) => (derive === undefined ? row : { ...row, ...derive(row) }));
    const columns = Object.fromEntries(
      features.map((feature) => [feature, rows.map((row) => featureValue(row, feature))]),
    );
    return { rows, columns };
  };
  const ask = async (model: Uint8Array, data: PartitionData): Promise<(number | string)[]> => {
    const only = onlyClass(model);
    if (only !== null) return Array.from({ length: data.rowCount }, () => only);
    const { columns } = await inputs(data);
    const { values, classes } = await askTrees(model, columns);
    if (classes.length === 0)
      return atLeast === undefined ? values : values.map((value) => Math.max(atLeast, value));
    return likeliest(values, classes, data.rowCount);
  };
  return definePartitionModel<Uint8Array>({
    name,
    ...settings,
    serde: treesSerde,
    async train(data) {
      const { rows, columns } = await inputs(data);
      const known = rows.flatMap((row, i) => (labelOf(row, label) === null ? [] : [i]));
      if (known.length === 0)
        throw new InvalidResult(
          `"${label}" is NULL in all ${rows.length} rows, so there is nothing to train on.`,
        );
      const labels = known.map((i) => labelOf(rows[i]!, label));
      const isNumber = labels.every((value) => typeof value === 'number');
      if (!isNumber && labels.every((value) => value === labels[0])) return constantModel(String(labels[0]));
      const wanted = Object.fromEntries(
        Object.entries(columns).map(([feature, values]) => [
          feature,
          known.map((i) => trainable(values, values[i])),
        ]),
      );
      wanted[label] = isNumber ? labels : labels.map(String);
      return trainTrees(wanted, label, isNumber ? 'REGRESSION' : 'CLASSIFICATION');
    },
    predict: ask,
    async metrics(model, data) {
      const truth = (await data.rows()).map((row) => labelOf(row, label));
      return measure(truth, await ask(model, data));
    },
  });
}

function valueIn(row: Row, column: string): unknown {
  if (Object.hasOwn(row, column)) return row[column] ?? null;
  const names = Object.keys(row);
  const found = names.find((name) => name.toLowerCase() === column.toLowerCase());
  if (found !== undefined) return row[found] ?? null;
  throw new InvalidResult(
    `There is no column "${column}".${didYouMean(column, names)} The rows have: ${names.join(', ')}.`,
  );
}

/** The label's value, or null if it is unknown. */
function labelOf(row: Row, label: string): unknown {
  const value = valueIn(row, label);
  if (typeof value === 'bigint') return Number(value);
  return Number.isNaN(value) ? null : value;
}

/** A model for a single class, since YDF needs at least two. */
function constantModel(name: string): Uint8Array {
  return Buffer.from(JSON.stringify({ class: name }));
}

/** The class of a model made by `constantModel`, or null for a YDF zip archive. */
function onlyClass(model: Uint8Array): string | null {
  if (model[0] !== '{'.charCodeAt(0)) return null;
  return (JSON.parse(Buffer.from(model).toString('utf8')) as { class: string }).class;
}

function featureValue(row: Row, feature: string): number | string | null {
  const value = valueIn(row, feature);
  switch (typeof value) {
    case 'number':
    case 'string':
      return value;
    case 'boolean':
    case 'bigint':
      return Number(value);
    default:
      if (value === null) return null;
      throw new InvalidResult(
        `The feature "${feature}" is ${value instanceof Date ? 'a Date' : 'not a number, text or boolean'}: derive numbers from it, as calendarFeatures does.`,
      );
  }
}

/** YDF represents missing values as NaN for numbers and as an empty string for text. */
function trainable(column: YdfColumn, value: unknown): unknown {
  if (value !== null && value !== undefined) return value;
  return column.some((other) => typeof other === 'string') ? '' : NaN;
}

/**
 * With two classes, YDF returns the probability of the second one; with more, one probability for each class.
 */
function likeliest(values: readonly number[], classes: readonly string[], rows: number): string[] {
  if (values.length === rows) return values.map((value) => classes[value > 0.5 ? 1 : 0]!);
  const n = classes.length;
  return Array.from({ length: rows }, (_, row) => {
    const own = values.slice(row * n, (row + 1) * n);
    return classes[own.indexOf(Math.max(...own))]!;
  });
}

function measure(truth: readonly unknown[], predicted: readonly (number | string)[]): ModelMetrics {
  const pairs = truth.flatMap((value, i) => (value === null ? [] : [[value, predicted[i]!] as const]));
  const measured = { measured_rows: pairs.length };
  if (pairs.length === 0) return { ...measured, mae: null, rmse: null };
  const mean = (of: (pair: readonly [unknown, number | string]) => number): number =>
    pairs.reduce((sum, pair) => sum + of(pair), 0) / pairs.length;
  if (typeof predicted[0] === 'string')
    return { ...measured, accuracy: mean(([value, guess]) => (String(value) === guess ? 1 : 0)) };
  const error = ([value, guess]: readonly [unknown, number | string]): number =>
    Number(guess) - Number(value);
  return {
    ...measured,
    mae: mean((pair) => Math.abs(error(pair))),
    rmse: Math.sqrt(mean((pair) => error(pair) ** 2)),
  };
}
