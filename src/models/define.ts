/**
 * Defines partition models. Training and prediction are partition functions, so they run like any other.
 */
import { partitionName } from '../core/partition-name';
import { definePartitionFunction } from '../functions/define';
import { artifactNameProblem } from '../functions/artifact-name';
import type { PartitionContext, PartitionData, PartitionFunction } from '../functions/types';
import { predictedRows } from './predictions';
import { jsonSerde } from './serde';
import { type ModelMetrics, type ModelOptions, type PartitionModel } from './types';
import type { Row } from '../core/row';
import { isModelName } from '../core/function-description';
import type { ModelTask } from '../core/input';
import { InvalidResult } from '../rows/invalid-result';
import type { ModelSerde, ModelFunction, ModelHost, SplitData } from '../functions/model-hooks';
import { MODEL_HOST, SPLIT_DATA, PARTITION_MODEL } from '../functions/model-hooks';

const KNOWN = ['name', 'train', 'predict', 'serde', 'metrics', 'timeout', 'memory', 'retry', 'bigTaskQueue'];
/** Columns of a training run's rows that are not metrics. */
const OWN_COLUMNS = ['trained_rows', 'model_file', 'model_bytes', 'trained_with'];

/**
 * The partition has no model, and the run does not define a fallback. Not retried, since no model would
 * appear.
 */
class NoModel extends Error {
  override name = 'NoModel';
  readonly nonRetryable = true;
}

/** All rows of the partition are held out. */
class NothingToTrain extends Error {
  override name = 'NothingToTrain';
  readonly nonRetryable = true;
}

/**
 * Defines a partition model: code that trains one model for each partition of a table and predicts with it.
 *
 * ```ts
 * export const meanAmount = definePartitionModel({
 *   name: 'meanAmount',
 *   async train(data) {
 *     const [row] = await data.sql<{ mean: number }>`SELECT avg(amount) AS mean FROM data`;
 *     return { mean: row!.mean };
 *   },
 *   predict: (model, data) => Array.from({ length: data.rowCount }, () => model.mean),
 * });
 * ```
 *
 * Export it from the functions file. `partwise train meanAmount` and `partwise predict meanAmount` run it;
 * its three partition functions can be run like any other. Throws a `TypeError` for invalid options.
 */
export function definePartitionModel<Model, Params = Record<string, unknown>>(
  options: ModelOptions<Model, Params>,
): PartitionModel<Model, Params> {
  const problem = findProblem(options);
  if (problem !== null) throw new TypeError(`definePartitionModel: ${problem}`);
  const { name, serde = jsonSerde as ModelSerde<Model>, timeout, memory, retry, bigTaskQueue } = options;
  const complete = { ...options, serde };
  const settings = Object.fromEntries(
    Object.entries({ timeout, memory, retry, bigTaskQueue }).filter(([, value]) => value !== undefined),
  );
  const functionOf = (task: ModelTask, run: PartitionFunction<Params>['run']): ModelFunction<Params> => {
    const made = definePartitionFunction<Params>({ name: `${name}.${task}`, run, ...settings });
    const hook = task === 'predict' ? options.predict : options.train;
    return Object.freeze({ ...made, model: { name, task, hook } });
  };
  return Object.freeze({
    name,
    serde,
    train: functionOf('train', (data, context) => train(complete, data, context)),
    predict: functionOf('predict', (data, context) => predict(complete, data, context)),
    fitPredict: functionOf('fitPredict', (data, context) => fitPredict(complete, data, context)),
    [PARTITION_MODEL]: true,
  });
}

type Complete<Model, Params> = ModelOptions<Model, Params> & { serde: ModelSerde<Model> };

async function train<Model, Params>(
  { train: fit, serde, metrics }: Complete<Model, Params>,
  data: PartitionData,
  context: PartitionContext<Params>,
): Promise<Row> {
  const { holdout } = hostOf(context).settings;
  const parts = holdout === undefined ? null : await split(data, holdout);
  const rest = parts?.rest ?? data;
  assertRows(rest, context);
  const model = await fit(rest, context);
  const content = await serde.write(model);
  await context.upload(serde.filename, content);
  const measured = parts?.heldOut ?? data;
  const found =
    metrics === undefined || measured.rowCount === 0 ? {} : await metrics(model, measured, context);
  return {
    trained_rows: rest.rowCount,
    model_file: serde.filename,
    model_bytes: Buffer.byteLength(content),
    ...checkedMetrics(found),
  };
}

async function predict<Model, Params>(
  { predict: ask, serde }: Complete<Model, Params>,
  data: PartitionData,
  context: PartitionContext<Params>,
): Promise<Row[]> {
  const host = hostOf(context);
  const { onMissing = 'error', fallback, keep = [] } = host.settings;
  let used = context.partitionId;
  let model = await host.load(used, serde);
  if (model === null && onMissing === 'fallback') {
    used = fallback!;
    model = await host.load(used, serde);
    if (model !== null)
      context.log(
        `No model for "${partitionName(context.partitionId)}": using the model of "${partitionName(used)}" instead.`,
      );
  }
  if (model === null) {
    throw new NoModel(
      `There is no model for the partition "${used}". Train one, or set model.onMissing (--on-missing) to "skip" or "fallback".`,
    );
  }
  const carried = { keep, key: context.key, positions: null, model: used };
  return predictedRows(await ask(model, data, context), data, carried);
}

async function fitPredict<Model, Params>(
  { train: fit, predict: ask }: Complete<Model, Params>,
  data: PartitionData,
  context: PartitionContext<Params>,
): Promise<Row[]> {
  const { holdout, keep = [] } = hostOf(context).settings;
  const { rest, heldOut, positions } = await split(data, holdout!);
  if (heldOut.rowCount === 0) return [];
  assertRows(rest, context);
  const model = await fit(rest, context);
  const carried = { keep, key: context.key, positions, model: null };
  return predictedRows(await ask(model, heldOut, context), heldOut, carried);
}

function assertRows({ rowCount }: PartitionData, { partitionId }: { partitionId: string }): void {
  if (rowCount > 0) return;
  throw new NothingToTrain(
    `All rows of the partition "${partitionName(partitionId)}" are held out, so there are no rows to train on. Hold out fewer rows (model.holdout, --holdout).`,
  );
}

function split(data: PartitionData, condition: string): Promise<SplitData> {
  return (data as unknown as Record<symbol, (condition: string) => Promise<SplitData>>)[SPLIT_DATA]!(
    condition,
  );
}

function hostOf(context: object): ModelHost {
  return (context as Record<symbol, unknown>)[MODEL_HOST] as ModelHost;
}

function checkedMetrics(metrics: ModelMetrics): ModelMetrics {
  for (const [name, value] of Object.entries(metrics)) {
    if (OWN_COLUMNS.includes(name.toLowerCase()))
      throw new InvalidResult(
        `metrics returned "${name}", which is a column that Partwise fills. Use another name.`,
      );
    if (value !== null && !Number.isFinite(value)) {
      throw new InvalidResult(
        `metrics returned ${name} = ${String(value)}. Return a finite number, or null if it cannot be measured.`,
      );
    }
  }
  return metrics;
}

function findProblem(options: unknown): string | null {
  if (typeof options !== 'object' || options === null)
    return 'pass an object with "name", "train" and "predict".';
  const { name, train: fit, predict: ask, serde, metrics } = options as Record<string, unknown>;
  if (typeof name !== 'string' || !isModelName(name)) {
    return `"name" is ${JSON.stringify(name) ?? 'missing'}; use letters, digits, "_" and "-", starting with a letter, at most 80 characters.`;
  }
  if (typeof fit !== 'function')
    return `"train" of "${name}" is missing; write async train(data, context) { … }.`;
  if (typeof ask !== 'function')
    return `"predict" of "${name}" is missing; write async predict(model, data, context) { … }.`;
  if (metrics !== undefined && typeof metrics !== 'function')
    return `"metrics" of "${name}" is not a function.`;
  if (serde !== undefined && !isSerde(serde))
    return `"serde" of "${name}" is not valid; it takes { filename: 'model.bin', write(model), read(bytes) }, where filename is a valid artifact name.`;
  const unknown = Object.keys(options).find((key) => !KNOWN.includes(key));
  return unknown === undefined
    ? null
    : `"${name}" has the unknown setting "${unknown}"; allowed are ${KNOWN.join(', ')}.`;
}

function isSerde(value: unknown): boolean {
  const { filename, write, read } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof filename === 'string' &&
    artifactNameProblem(filename) === null &&
    typeof write === 'function' &&
    typeof read === 'function'
  );
}
