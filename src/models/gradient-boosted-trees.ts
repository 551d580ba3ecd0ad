/** A ready model: gradient-boosted trees over feature columns. */
import type { PartitionData, PartitionFunction } from '../functions/types';
import { didYouMean } from '../core/nearest';
import { definePartitionModel } from './define';
import { bytesSerde } from './serde';
import type { ModelMetrics, PartitionModel } from './types';
import { askTrees, trainTrees, type YdfColumn } from './ydf';
import type { Row } from '../core/row';
import { InvalidResult } from '../rows/invalid-result';

export interface TreesOptions extends Pick<
  PartitionFunction,
  'timeout' | 'memory' | 'retry' | 'bigTaskQueue'
> {
  /** By which runs name it. */
  name: string;
  /**
   * Column that is predicted: a number, or text for classes. Rows where it is NULL or NaN are not trained on.
   */
  label: string;
  /** Columns that it is predicted from: numbers, text, booleans (as 0 and 1). NULL is a missing value. */
  features: readonly string[];
  /** What `features` names beside the columns of the source, made of a row: calendar features, say. */
  derive?: (row: Row) => Record<string, number | string | boolean | null>;
  /** Predictions of numbers are never less than this. Default: no bound. */
  atLeast?: number;
}

/** YDF's files in one zip archive. */
const treesSerde = Object.freeze({ ...bytesSerde, filename: 'model.ydf.zip' });

/**
 * Makes a model of gradient-boosted trees (YDF; install `ydf-training`): regression where the label is a
 * number, else classification. Metrics: `mae` and `rmse`, or `accuracy`; and `measured_rows`.
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
 * A partition that knows one class alone gets a model that always says it, as JSON.
 *
 * Equal rows in equal order give equal trees, in files that differ by an id. YDF's settings are its own
 * defaults: the package takes none.
 */
export function gradientBoostedTrees(options: TreesOptions): PartitionModel<Uint8Array> {
  const { name, label, features, derive, atLeast, ...settings } = options;
  if (features.length === 0)
    throw new TypeError(`gradientBoostedTrees: "features" of "${name}" is empty; name at least one column.`);
  if (features.includes(label))
    throw new TypeError(`gradientBoostedTrees: "${label}" of "${name}" is the label, so it is no feature.`);
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
          `"${label}" is NULL in each of the ${rows.length} rows: there is nothing to learn.`,
        );
      const labels = known.map((i) => labelOf(rows[i]!, label));
      const isNumber = labels.every((value) => typeof value === 'number');
      if (!isNumber && labels.every((value) => value === labels[0])) return alwaysSaying(String(labels[0]));
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

/** Null: it is not known. */
function labelOf(row: Row, label: string): unknown {
  const value = valueIn(row, label);
  if (typeof value === 'bigint') return Number(value);
  return Number.isNaN(value) ? null : value;
}

/** YDF wants two classes at least. */
function alwaysSaying(name: string): Uint8Array {
  return Buffer.from(JSON.stringify({ class: name }));
}

/** Of a model that `alwaysSaying` made; null: it is YDF's zip archive. */
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
        `The feature "${feature}" is ${value instanceof Date ? 'a Date' : 'no number, text or boolean'}: derive numbers of it, such as calendarFeatures does.`,
      );
  }
}

/** YDF trains on NaN for numbers that are missing, and on an empty text. */
function trainable(column: YdfColumn, value: unknown): unknown {
  if (value !== null && value !== undefined) return value;
  return column.some((other) => typeof other === 'string') ? '' : NaN;
}

/** Of two classes YDF gives the probability of the second, of more one for each. */
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
