/**
 * Makes a version of a training run's models: the manifest is put first, and nobody sees it before the
 * warehouse's transaction names it, so that a version is there whole or not at all (I3, I10).
 */
import { randomUUID } from 'node:crypto';
import type { RunReader } from '../reader/run-reader';
import type { RunRecord } from '../history/fold';
import { putManifest, readManifest, withRoot } from '../models/manifest';
import {
  addVersion,
  identityProblem,
  modelBody,
  ownerOf,
  RegistryConflict,
  RegistryRefused,
  resolveVersion,
  versionsOf,
  type ModelIdentity,
  type ModelRecord,
  type Version,
} from '../models/records';
import type { CommitResult, CommitTask, OutputPlan } from '../core/plan';
import { Refusal } from '../core/refusal';
import { openStage, portableUri } from '../stage';
import type { Warehouse } from '../warehouse';
import { trainedEntries } from '../planning/trained-models';

type ModelOutput = Extract<OutputPlan, { model: string }>;

/** Others may register at the same time; each try is laid over what is newest then. */
const MAX_TRIES = 20;

interface Registering {
  task: CommitTask & { output: ModelOutput };
  warehouse: Warehouse;
  reader: RunReader;
  record: RunRecord;
  /** Temporal's id of the run's first execution. */
  lineage: string;
  signal: AbortSignal;
}

export async function registerModels(registering: Registering): Promise<CommitResult> {
  const { task, warehouse } = registering;
  for (let attempt = 1; ; attempt++) {
    const records = await warehouse.readModels(task.output.model);
    try {
      const own = versionsOfRun(records, registering);
      return madeBefore(own, registering) ?? (await register(registering, records, own.at(-1) ?? null));
    } catch (error) {
      if (error instanceof RegistryRefused) throw new Refusal('OutputMismatch', [error.message]);
      if (!(error instanceof RegistryConflict) || attempt === MAX_TRIES) throw error;
    }
  }
}

async function register(
  { task, warehouse, reader, record, lineage, signal }: Registering,
  records: readonly ModelRecord[],
  last: Version | null,
): Promise<CommitResult> {
  const { model } = task.output;
  // A retry is laid over what is newest, which has what the run registered before: its base was the first
  // one's.
  const wanted = last === null ? task.output.base : null;
  const stage = openStage(task.stage, task.stageToken);
  const createdAt = new Date().toISOString();
  const known = modelBody(records);
  const identity = { ...identityOf(record), id: known?.id ?? randomUUID(), createdAt };
  // Before anything is put; what counts is the look within the transaction.
  const problem = identityProblem(model, ownerOf(records), identity);
  if (problem !== null) throw new RegistryRefused(problem);
  const newest = versionsOf(records).at(-1) ?? null;
  const base =
    newest === null || wanted === 'none' ? null : resolveVersion(model, records, wanted ?? newest.version);
  if (base !== null && base.body.stage !== portableUri(task.stage)) {
    throw new RegistryRefused(
      `Version ${base.version} of "${model}" is on the stage ${base.body.stage}, but this run uses ${portableUri(task.stage)}: ` +
        'train on the same stage, or start from scratch with the base "none" (--base none).',
    );
  }
  // enforces I10: models that an earlier execution has registered may have been replaced since by those of
  // another run.
  const entries = await trainedEntries(reader, record, last?.body.run!.execution ?? 0);
  if (entries.length === 0 && last !== null) return resultOf(model, last);
  const before = base === null ? null : await readManifest(stage, base.body.root);
  const { root, manifest } = await putManifest(stage, {
    model,
    id: identity.id,
    base: before,
    changed: entries,
  });
  const { runId: id, execution } = task;
  const body = {
    stage: portableUri(task.stage),
    root,
    entries: manifest.entries,
    changed: entries.length,
    base: base?.version ?? null,
    run: { id, workflowRunId: record.workflowRunId, lineage, execution },
    description: '',
    tags: {},
    createdAt,
  };
  const version = await withRoot(stage, root, () =>
    warehouse.changeModels(model, (now) => {
      signal.throwIfAborted();
      const made = addVersion(model, now, { identity, body, expected: newest?.version ?? null });
      return { records: made.records, result: made.version };
    }),
  );
  return resultOf(model, { version, body });
}

function identityOf({ plan }: RunRecord): ModelIdentity {
  return { definition: plan!.function.name.replace(/\.train$/, ''), keyColumns: plan!.keyColumns };
}

/** Versions that executions of this run have made, oldest first. */
function versionsOfRun(records: readonly ModelRecord[], { task, lineage }: Registering): Version[] {
  return versionsOf(records).filter(
    ({ body }) => body.run?.id === task.runId && body.run.lineage === lineage,
  );
}

/**
 * The version that this very execution has made, when the answer was lost. Throws when a newer one of the run
 * has made one.
 */
function madeBefore(own: readonly Version[], { task, record }: Registering): CommitResult | null {
  const same = own.find(({ body }) => body.run!.workflowRunId === record.workflowRunId);
  if (same !== undefined) return resultOf(task.output.model, same);
  const newest = Math.max(0, ...own.map(({ body }) => body.run!.execution));
  // enforces I10
  if (newest > task.execution) {
    throw new RegistryRefused(
      `Execution ${task.execution} of run "${task.runId}" came too late: execution ${newest} has taken its place, so no version was created.`,
    );
  }
  return null;
}

function resultOf(model: string, { version, body: { changed, createdAt } }: Version): CommitResult {
  return { version: 1, target: model, rows: changed, committedAt: createdAt, modelVersion: version };
}
