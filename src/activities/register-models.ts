/**
 * Creates a version from a training run's models: the manifest is written first, and is invisible until the
 * warehouse's transaction refers to it, so a version exists completely or not at all (I3, I10).
 */
import { randomUUID } from 'node:crypto';
import type { RunReader } from '../reader/run-reader';
import type { RunRecord } from '../history/fold';
import { putManifest, readManifest, withRoot } from '../models/manifest';
import { addVersion } from '../models/record-changes';
import {
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
import type { OutputPlan } from '../core/plan';
import type { CommitResult, CommitTask } from '../core/tasks';
import { Refusal } from '../core/refusal';
import { openStage, portableUri } from '../stage';
import type { Warehouse } from '../warehouse';
import { trainedEntries } from '../planning/trained-models';

type ModelOutput = Extract<OutputPlan, { model: string }>;

/** Other runs may register at the same time; each try is based on the newest version at that moment. */
const MAX_TRIES = 20;

interface Registration {
  task: CommitTask & { output: ModelOutput };
  warehouse: Warehouse;
  reader: RunReader;
  record: RunRecord;
  /** Temporal's id of the run's first execution. */
  lineage: string;
  signal: AbortSignal;
}

export async function registerModels(registration: Registration): Promise<CommitResult> {
  const { task, warehouse } = registration;
  for (let attempt = 1; ; attempt++) {
    const records = await warehouse.readModels(task.output.model);
    try {
      const own = versionsOfRun(records, registration);
      return madeBefore(own, registration) ?? (await register(registration, records, own.at(-1) ?? null));
    } catch (error) {
      if (error instanceof RegistryRefused) throw new Refusal('OutputMismatch', [error.message]);
      if (!(error instanceof RegistryConflict) || attempt === MAX_TRIES) throw error;
    }
  }
}

async function register(
  { task, warehouse, reader, record, lineage, signal }: Registration,
  records: readonly ModelRecord[],
  last: Version | null,
): Promise<CommitResult> {
  const { model } = task.output;
  // A retry is based on the newest version, which contains what the run has registered before: the requested
  // base applied to the first registration.
  const wanted = last === null ? task.output.base : null;
  const stage = openStage(task.stage, task.stageToken);
  const createdAt = new Date().toISOString();
  const known = modelBody(records);
  const identity = { ...identityOf(record), id: known?.id ?? randomUUID(), createdAt };
  // Checked before anything is written; the check within the transaction is the one that counts.
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
  // enforces I10: models that an earlier execution registered may have been replaced by another run since.
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

/** Versions created by executions of this run, oldest first. */
function versionsOfRun(records: readonly ModelRecord[], { task, lineage }: Registration): Version[] {
  return versionsOf(records).filter(
    ({ body }) => body.run?.id === task.runId && body.run.lineage === lineage,
  );
}

/**
 * The version that this execution has already created, if its answer was lost. Throws if a newer execution of
 * the run has created one.
 */
function madeBefore(own: readonly Version[], { task, record }: Registration): CommitResult | null {
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
