/**
 * Determines which models a run predicts with. They are pinned once: an alias that moves afterwards does not
 * affect the run (I1).
 */
import { shellWord } from '../core/shell-word';
import type { Client } from '@temporalio/client';
import { NoSuchRun } from '../reader/errors';
import { type Reading, RunReader } from '../reader/run-reader';
import { ServerRun } from '../reader/run-source';
import type { RunRecord } from '../history/fold';
import { findEntry, idsAmong, putManifest, readManifest } from '../models/manifest';
import { resolveVersion } from '../models/records';
import type { CarriedContent } from '../core/carried';
import type { ModelUse } from '../core/plan';
import type { ModelPlan } from '../core/unit-plan';
import { Refusal } from '../core/refusal';
import { openStage, portableUri, type Stage } from '../stage';
import type { Warehouse } from '../warehouse';
import { assertTrained, trainedEntries } from './trained-models';
import type { ModelInput } from '../core/input';

/** Maximum number of ids of partitions without a model in a plan. */
const MAX_NAMED = 20;

/** Where a run's models are, and where it stores its pinned copy of their manifest. */
export interface ModelPlace {
  stage: Stage;
  warehouse: Warehouse;
  /** On the stage, ending in `/`; null if nothing may be written. */
  folder: string | null;
}

/** Null for a run that predicts with no models. Does not repeat the checks of `registryProblems`. */
export async function pinModels(
  client: Client | null,
  { stage, warehouse, folder }: ModelPlace,
  model: ModelInput | null,
): Promise<ModelPlan | null> {
  if (model?.run !== undefined) {
    const { reader, record } = await readTraining(client, model.run, stage.uri);
    const changed = await trainedEntries(reader, record, 0);
    return putOwn(
      { label: `models of run ${model.run}`, stage, folder },
      { model: model.run, id: null, base: null, changed },
    );
  }
  if (model?.name === undefined) return null;
  const { version, body } = resolveVersion(model.name, await warehouse.readModels(model.name), model.version);
  const label = `${model.name} version ${version}`;
  if (folder === null) return { label, stage: stage.uri, root: body.root };
  // The run gets its own root, because the version may be removed while this run, or a retry of it, predicts
  // with it.
  const base = await readManifest(stage, body.root);
  return putOwn({ label, stage, folder }, { model: model.name, id: null, base, changed: [] });
}

async function putOwn(
  { label, stage, folder }: { label: string; stage: Stage; folder: string | null },
  content: Omit<Parameters<typeof putManifest>[1], 'folder'>,
): Promise<ModelPlan> {
  const { root } = await putManifest(stage, { ...content, folder: `${folder}models/` });
  return { label, stage: stage.uri, root };
}

/** A training run. Throws a `Refusal` if there is no such run, or it has not ended. */
export async function readTraining(
  client: Client | null,
  run: string,
  stage: string,
): Promise<{ reader: RunReader; record: RunRecord }> {
  if (client === null)
    throw new Refusal('InvalidInput', [
      '"model.run" cannot be used in a trial (--try): predict with a model version ("model.name").',
    ]);
  const reader = new RunReader(new ServerRun(client, run, null, stage));
  let reading: Reading;
  try {
    reading = await reader.read();
  } catch (error) {
    throw error instanceof NoSuchRun ? new Refusal('InvalidInput', [`"model.run": ${error.message}`]) : error;
  }
  const { record, state } = reading;
  if (state.endedAt === null) {
    throw new Refusal('InvalidInput', [
      `"model.run" is "${run}", which has not ended, so some of its models are missing: wait for it (partwise watch ${shellWord(run)}).`,
    ]);
  }
  assertTrained(run, record);
  const from = reader.stage(record)!.uri;
  if (portableUri(from) !== portableUri(stage)) {
    throw new Refusal('InvalidInput', [
      `The run "${run}" is on the stage ${from}, but this run uses ${stage}: pass its stage ("stage", --stage).`,
    ]);
  }
  return { reader, record };
}

/** Ordinals of the partitions that have no model. */
export async function withoutModel(models: ModelPlan, ids: readonly string[]): Promise<number[]> {
  const known = await idsAmong(openStage(models.stage), models.root, ids);
  return ids.map((_, ordinal) => ordinal).filter((ordinal) => !known.has(ids[ordinal]!));
}

/** Throws a `Refusal` if the fallback model does not exist. */
export async function checkFallback(models: ModelPlan, { onMissing, fallback }: ModelInput): Promise<void> {
  if (onMissing !== 'fallback' || (await findEntry(openStage(models.stage), models.root, fallback!)) !== null)
    return;
  throw new Refusal('InvalidInput', [
    `"model.fallback" is "${fallback}", but ${models.label} has no model for it. partwise models show lists the models that exist.`,
  ]);
}

/** Adds the partitions of `missing` as SKIPPED to the outcomes taken over. */
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
    earlierErrors,
  } = content ?? { outcomes: [], blocks: [], rows: [], calls: {}, earlierErrors: {} };
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
          message: `There is no model for the partition "${ids[ordinal]}", so it was skipped ("model.onMissing" is "skip").`,
          stack: null,
        },
        reused: false,
      },
      execution,
      functionDigest: null,
    }));
  return { outcomes: [...outcomes, ...skipped], blocks, rows: files, calls, earlierErrors };
}

export function modelUse({ label }: ModelPlan, missing: readonly number[], ids: readonly string[]): ModelUse {
  return {
    label,
    missing: missing.length,
    firstMissing: missing.slice(0, MAX_NAMED).map((ordinal) => ids[ordinal]!),
  };
}
