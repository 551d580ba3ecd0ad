/**
 * Checks the model settings of an input before anything is started (I9), for `openRun` and for a trial.
 * Problems are sentences.
 */
import type { Client } from '@temporalio/client';
import { holdoutProblem } from '../functions/sql-check';
import type { Confinement } from '../duckdb/confinement';
import { keepProblem } from '../models/predictions';
import { identityProblem, modelBody, ownerOf, RegistryRefused, resolveVersion } from '../models/records';
import type { NormalizedInput } from '../core/normalized-input';
import type { Column, OutputPlan } from '../core/plan';
import { Refusal } from '../core/refusal';
import { portableUri } from '../stage';
import type { Warehouse } from '../warehouse';
import type { SourceShape } from '../warehouse/warehouse';
import { readTraining } from './plan-models';
import type { ModelInput, ModelTask } from '../core/input';
import type { FunctionDescription } from '../core/function-description';

/** Model settings of the input that do not fit its function. */
export function modelProblems(
  { model, output, partitionBy }: NormalizedInput,
  { name, model: own }: FunctionDescription,
): string[] {
  const problems: string[] = [];
  const task: ModelTask | null = own?.task ?? null;
  if (task !== null && partitionBy.length === 0) {
    problems.push(
      `"partitionBy" is missing: "${name}" works with one model per partition, so it needs a list of column names, such as ["region"] (--by).`,
    );
  }
  if (output !== null && 'model' in output && task !== 'train') {
    problems.push(
      `"output.model" is for functions that train, and "${name}" does not: use ${own === undefined ? 'the .train function of a partition model' : `"${own.name}.train"`}, or write to a table.`,
    );
  }
  const named = model?.name !== undefined || model?.run !== undefined;
  if (task === 'predict' && !named)
    problems.push(
      `"model" names no models to predict with: give "name", such as "${own!.name}", or "run", the id of a training run.`,
    );
  if (task !== 'predict' && named)
    problems.push(
      `"model.name" and "model.run" are for functions that predict, and "${name}" does not. Leave them out.`,
    );
  const needless = (['keep', 'onMissing'] as const).find(
    (setting) =>
      model?.[setting] !== undefined && task !== 'predict' && !(setting === 'keep' && task === 'fitPredict'),
  );
  if (needless !== undefined)
    problems.push(
      `"model.${needless}" is for functions that predict with models, and "${name}" does not. Leave it out.`,
    );
  if (task === 'fitPredict' && model?.holdout === undefined) {
    problems.push(
      `"model.holdout" is missing: it takes an SQL condition, such as "day >= '2024-03-01'". "${name}" predicts the rows that meet it, and trains on the others.`,
    );
  }
  if (task !== 'train' && task !== 'fitPredict' && model?.holdout !== undefined)
    problems.push(
      `"model.holdout" is for functions that train, and "${name}" does not: use "where" to choose rows.`,
    );
  return problems;
}

/** Where models are found. */
export interface RegistryView {
  /** Null for a trial. */
  client: Client | null;
  warehouse: Warehouse;
  /** URI of the run's stage. */
  stage: string;
  /** Whether this is a continuation, which already has its models. */
  continues: boolean;
  /** What the input's SQL may read. */
  confinement: Confinement | null;
}

/** Model settings of the input that do not fit the existing rows, versions or runs. */
export async function registryProblems(
  { model, output }: NormalizedInput,
  shape: SourceShape,
  { model: own }: FunctionDescription,
  view: RegistryView,
): Promise<string[]> {
  if (own === undefined) return [];
  const problems: string[] = [];
  if (model?.keep !== undefined && own.task !== 'train') {
    const problem = keepProblem(
      model.keep,
      shape.columns.map(({ name }) => name),
    );
    if (problem !== null) problems.push(problem);
  }
  if (model?.holdout !== undefined) {
    const problem = await holdoutProblem(model.holdout, shape.columns, view.confinement);
    if (problem !== null) problems.push(`"model.holdout" cannot be evaluated on the rows: ${problem}`);
  }
  try {
    if (output !== null && 'model' in output)
      problems.push(...(await trainingProblems(output, shape, own.name, view)));
    if (own.task === 'predict' && !view.continues && model !== null)
      problems.push(...(await predictionProblems(model, shape, own.name, view)));
  } catch (error) {
    if (error instanceof RegistryRefused) problems.push(error.message);
    else if (error instanceof Refusal) problems.push(...error.problems);
    else throw error;
  }
  return problems;
}

/**
 * Checks that the name does not belong to another model, and that the base is usable; the commit checks
 * again.
 */
async function trainingProblems(
  { model, base }: Extract<OutputPlan, { model: string }>,
  { keyColumns }: SourceShape,
  definition: string,
  { warehouse, stage }: RegistryView,
): Promise<string[]> {
  const records = await warehouse.readModels(model);
  const problem = identityProblem(model, ownerOf(records), { definition, keyColumns });
  if (problem !== null) return [problem];
  if (base === 'none' || (base === null && ownerOf(records) === null)) return [];
  const { version, body } = resolveVersion(model, records, base ?? undefined);
  if (body.stage === portableUri(stage)) return [];
  return [
    `Version ${version} of "${model}" is on the stage ${body.stage}, but this run uses ${portableUri(stage)}: ` +
      'train on the same stage ("stage", --stage), or start from scratch with the base "none" (--base none).',
  ];
}

async function predictionProblems(
  { name, version: wanted, run }: ModelInput,
  { keyColumns }: SourceShape,
  definition: string,
  { client, warehouse, stage }: RegistryView,
): Promise<string[]> {
  if (run !== undefined) {
    const { record } = await readTraining(client, run, stage);
    return identityOf(
      `The run "${run}"`,
      record.plan?.function.name.replace(/\.train$/, ''),
      record.plan?.keyColumns,
      {
        definition,
        keyColumns,
      },
    );
  }
  if (name === undefined) return [];
  const records = await warehouse.readModels(name);
  const { version, body } = resolveVersion(name, records, wanted);
  const known = modelBody(records)!;
  const problems = identityOf(`The model "${name}"`, known.definition, known.keyColumns, {
    definition,
    keyColumns,
  });
  if (body.stage !== portableUri(stage)) {
    problems.push(
      `Version ${version} of "${name}" is on the stage ${body.stage}, but this run uses ${portableUri(stage)}: pass its stage ("stage", --stage).`,
    );
  }
  return problems;
}

/**
 * Models are identified by definition, and partitions by id: with other key columns, an id would mean another
 * partition.
 */
function identityOf(
  what: string,
  madeBy: string | undefined,
  madeFor: readonly Column[] | undefined,
  own: { definition: string; keyColumns: readonly Column[] },
): string[] {
  const names = (columns: readonly Column[] = []): string => columns.map(({ name }) => name).join(', ');
  const problems: string[] = [];
  if (madeBy !== own.definition) {
    problems.push(
      `${what} comes from "${madeBy}", and "${own.definition}.predict" cannot read its models: use "${madeBy}.predict".`,
    );
  }
  if (names(madeFor).toLowerCase() !== names(own.keyColumns).toLowerCase()) {
    problems.push(
      `${what} has one model per ${names(madeFor)}, but this run is partitioned by ${names(own.keyColumns)}: ` +
        `set "partitionBy" to ${JSON.stringify((madeFor ?? []).map(({ name }) => name))} (--by), and rename other columns to these names in a query.`,
    );
  }
  return problems;
}
