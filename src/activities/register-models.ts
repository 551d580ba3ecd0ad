/**
 * Makes a version of a training run's models: the manifest is put first, and nobody sees it before the warehouse's transaction names
 * it, so that a version is there whole or not at all (I3, I10).
 */
import type { RunReader } from '../client/run-reader';
import type { RunRecord } from '../history/fold';
import { putManifest, readManifest } from '../models/manifest';
import {
  addVersion,
  identityProblem,
  modelBody,
  RegistryConflict,
  RegistryRefused,
  resolveVersion,
  versionsOf,
  type ModelBody,
  type ModelRecord,
} from '../models/records';
import type { CommitResult, CommitTask, OutputPlan } from '../run/plan';
import { Refusal } from '../run/refusal';
import { openStage } from '../stage';
import type { Warehouse } from '../warehouse';
import { trainedEntries } from './trained-models';

type ModelOutput = Extract<OutputPlan, { model: string }>;

/** Others may register at the same time; each try is laid over what is newest then. */
const MOST_TRIES = 20;

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
  const { task, warehouse, reader, record } = registering;
  const entries = await trainedEntries(reader, record);
  for (let attempt = 1; ; attempt++) {
    const records = await warehouse.readModels(task.output.model);
    try {
      return madeBefore(records, registering) ?? (await register(registering, records, entries));
    } catch (error) {
      if (error instanceof RegistryRefused) throw new Refusal('OutputMismatch', [error.message]);
      // The blocks of this try stay for clean: what it was based on is not the newest any more.
      if (!(error instanceof RegistryConflict) || attempt === MOST_TRIES) throw error;
    }
  }
}

async function register(
  { task, warehouse, record, lineage, signal }: Registering,
  records: readonly ModelRecord[],
  entries: Awaited<ReturnType<typeof trainedEntries>>,
): Promise<CommitResult> {
  const { model, base: wanted } = task.output;
  const stage = openStage(task.stage);
  const createdAt = new Date().toISOString();
  const identity = identityOf(record, createdAt);
  // Before anything is put; what counts is the look within the transaction.
  const problem = identityProblem(model, modelBody(records), identity);
  if (problem !== null) throw new RegistryRefused(problem);
  const newest = versionsOf(records).at(-1) ?? null;
  const base =
    newest === null || wanted === 'none' ? null : resolveVersion(model, records, wanted ?? newest.version);
  if (base !== null && base.body.stage !== task.stage) {
    throw new RegistryRefused(
      `Version ${base.version} of "${model}" is on the stage ${base.body.stage}, and this run is on ${task.stage}: ` +
        'train on the same stage, or begin anew with the base "none" (--base none).',
    );
  }
  const before = base === null ? null : await readManifest(stage, base.body.root);
  const { root, manifest } = await putManifest(stage, { model, base: before, changed: entries });
  const { runId: id, execution } = task;
  const body = {
    stage: task.stage,
    root,
    entries: manifest.entries,
    changed: entries.length,
    base: base?.version ?? null,
    run: { id, workflowRunId: record.workflowRunId, lineage, execution },
    description: '',
    tags: {},
    createdAt,
  };
  const version = await warehouse.changeModels(model, (now) => {
    signal.throwIfAborted();
    const made = addVersion(model, now, { identity, body, expected: newest?.version ?? null });
    return { records: made.records, result: made.version };
  });
  return resultOf(model, version, entries.length, createdAt);
}

function identityOf({ plan }: RunRecord, createdAt: string): ModelBody {
  const definition = plan!.function.name.replace(/\.train$/, '');
  return { definition, keyColumns: plan!.keyColumns, createdAt };
}

/** The version that this very execution has made, when the answer was lost. Throws when a newer one of the run has made one. */
function madeBefore(
  records: readonly ModelRecord[],
  { task, record, lineage }: Registering,
): CommitResult | null {
  const own = versionsOf(records).filter(
    ({ body }) => body.run?.id === task.runId && body.run.lineage === lineage,
  );
  const same = own.find(({ body }) => body.run!.workflowRunId === record.workflowRunId);
  if (same !== undefined)
    return resultOf(task.output.model, same.version, same.body.changed, same.body.createdAt);
  const newest = Math.max(0, ...own.map(({ body }) => body.run!.execution));
  // enforces I10
  if (newest > task.execution) {
    throw new RegistryRefused(
      `Execution ${task.execution} of run "${task.runId}" came too late: execution ${newest} has taken its place, so no version was made.`,
    );
  }
  return null;
}

function resultOf(model: string, version: number, models: number, committedAt: string): CommitResult {
  return { version: 1, target: model, rows: models, committedAt, modelVersion: version };
}
