/** Which models a run predicts with, pinned once: an alias that moves afterwards changes nothing for it (I1). */
import type { Client } from '@temporalio/client';
import { RunReader } from '../client/run-reader';
import { ServerRun } from '../client/run-source';
import { entriesOf, findEntry, putManifest, readManifest } from '../models/manifest';
import { identityProblem, modelBody, RegistryRefused, resolveVersion } from '../models/records';
import type { ModelInput, ModelTask } from '../models/types';
import type { CarriedContent } from '../run/carried';
import type { NormalizedInput } from '../run/parse-input';
import type { ModelPlan, ModelUse } from '../run/plan';
import { Refusal } from '../run/refusal';
import type { FunctionDescription } from '../runners/protocol';
import { openStage, type Stage } from '../stage';
import type { Warehouse } from '../warehouse';
import type { SourceShape } from '../warehouse/warehouse';
import { trainedEntries } from './trained-models';

/** Ids of partitions without a model that a plan names. */
const MOST_NAMED = 20;

/** What an input says of models that does not go with its function. */
export function modelProblems(
  { model, output, partitionBy }: NormalizedInput,
  { name, model: own }: FunctionDescription,
): string[] {
  const problems: string[] = [];
  const task: ModelTask | null = own?.task ?? null;
  if (task !== null && partitionBy.length === 0) {
    problems.push(
      `"partitionBy" is missing: "${name}" is for a model per partition, so it takes a list of column names, such as ["region"] (--by).`,
    );
  }
  if (output !== null && 'model' in output && task !== 'train') {
    problems.push(
      `"output.model" is for functions that train, and "${name}" does not: name ${own === undefined ? 'the .train function of a partition model' : `"${own.name}.train"`}, or write into a table.`,
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
  if (task === 'fitPredict' && model?.holdout === undefined) {
    problems.push(
      `"model.holdout" is missing: "${name}" trains on the other rows and predicts those that meet it, such as "day >= '2024-03-01'".`,
    );
  }
  if (task !== 'train' && task !== 'fitPredict' && model?.holdout !== undefined)
    problems.push(
      `"model.holdout" is for functions that train, and "${name}" does not: use "where" to choose rows.`,
    );
  return problems;
}

/** Whether the name that models are to go under is another model's; the commit looks again. */
export async function nameProblems(
  { output }: NormalizedInput,
  { keyColumns }: SourceShape,
  warehouse: Warehouse,
  { model }: FunctionDescription,
): Promise<string[]> {
  if (output === null || !('model' in output) || model === undefined) return [];
  const known = modelBody(await warehouse.readModels(output.model));
  const own = { definition: model.name, keyColumns, createdAt: '' };
  const problem = identityProblem(output.model, known, own);
  return problem === null ? [] : [problem];
}

/** `folder`: on the stage, ending in `/`, for what is put; null for a run that predicts with no models. */
export async function pinModels(
  client: Client | null,
  { stage, warehouse, folder }: { stage: Stage; warehouse: Warehouse; folder: string },
  model: ModelInput | null,
  own: FunctionDescription['model'],
): Promise<ModelPlan | null> {
  if (model?.run !== undefined) return modelsOfRun(client, stage, folder, model.run);
  if (model?.name === undefined) return null;
  const records = await warehouse.readModels(model.name);
  try {
    const { version, body } = resolveVersion(model.name, records, model.version);
    const { definition } = modelBody(records)!;
    if (own !== undefined && own.name !== definition) {
      throw new Refusal('InvalidInput', [
        `The model "${model.name}" is made by "${definition}", and "${own.name}.predict" cannot read it: run "${definition}.predict".`,
      ]);
    }
    const label = `${model.name} version ${version}`;
    if (body.stage !== stage.uri) return { label, stage: body.stage, root: body.root };
    // A root of its own: the version may be removed while this run, or a retry of it, predicts with it.
    const base = await readManifest(stage, body.root);
    const { root } = await putManifest(stage, {
      model: model.name,
      base,
      changed: [],
      folder: `${folder}models/`,
    });
    return { label, stage: stage.uri, root };
  } catch (error) {
    throw error instanceof RegistryRefused ? new Refusal('InvalidInput', [error.message]) : error;
  }
}

/** A training run's own models, as a manifest that this run keeps. */
async function modelsOfRun(
  client: Client | null,
  stage: Stage,
  folder: string,
  run: string,
): Promise<ModelPlan> {
  if (client === null)
    throw new Refusal('InvalidInput', ['A try knows of no runs: predict with a version ("model.name").']);
  const reader = new RunReader(new ServerRun(client, run, null, stage.uri));
  const { record } = await reader.read();
  const changed = await trainedEntries(reader, record);
  const from = reader.stage(record)!;
  if (from.uri !== stage.uri) {
    throw new Refusal('InvalidInput', [
      `The run "${run}" is on the stage ${from.uri}, and this one on ${stage.uri}: name its stage ("stage", --stage).`,
    ]);
  }
  const { root } = await putManifest(stage, { model: run, base: null, changed, folder: `${folder}models/` });
  return { label: `models of run ${run}`, stage: stage.uri, root };
}

/** Ordinals of the partitions that have no model. */
export async function withoutModel(models: ModelPlan, ids: readonly string[]): Promise<number[]> {
  const stage = openStage(models.stage);
  const known = new Set<string>();
  for await (const { partition } of entriesOf(stage, models.root)) known.add(partition);
  return ids.map((_, ordinal) => ordinal).filter((ordinal) => !known.has(ids[ordinal]!));
}

/** Throws a `Refusal` when the model that is to stand in for others is not there. */
export async function checkFallback(models: ModelPlan, { onMissing, fallback }: ModelInput): Promise<void> {
  if (onMissing !== 'fallback' || (await findEntry(openStage(models.stage), models.root, fallback!)) !== null)
    return;
  throw new Refusal('InvalidInput', [
    `"model.fallback" is "${fallback}", and ${models.label} has no model for it. partwise models show lists those that it has.`,
  ]);
}

/** The partitions of `missing` as SKIPPED, beside what else is taken over. */
export function skipping(
  content: CarriedContent | null,
  missing: readonly number[],
  { ids, rows, execution }: { ids: readonly string[]; rows: readonly number[]; execution: number },
): CarriedContent | null {
  if (missing.length === 0) return content;
  const {
    outcomes,
    blocks,
    rows: files,
    calls,
  } = content ?? { outcomes: [], blocks: [], rows: [], calls: {} };
  const known = new Set(outcomes.map(({ outcome }) => outcome.ordinal));
  const at = new Date().toISOString();
  const skipped = missing
    .filter((ordinal) => !known.has(ordinal))
    .map((ordinal) => ({
      outcome: {
        ordinal,
        id: ids[ordinal]!,
        status: 'SKIPPED' as const,
        attempts: 0,
        rows: rows[ordinal]!,
        startedAt: at,
        durationMs: 0,
        preview: null,
        outputRows: 0,
        artifacts: [],
        error: {
          type: 'NoModel',
          message: `There is no model for the partition "${ids[ordinal]}", and the run skips such partitions.`,
          stack: null,
        },
        reused: false,
      },
      execution,
      functionDigest: null,
    }));
  return { outcomes: [...outcomes, ...skipped], blocks, rows: files, calls };
}

export function modelUse({ label }: ModelPlan, missing: readonly number[], ids: readonly string[]): ModelUse {
  return {
    label,
    missing: missing.length,
    firstMissing: missing.slice(0, MOST_NAMED).map((ordinal) => ids[ordinal]!),
  };
}
