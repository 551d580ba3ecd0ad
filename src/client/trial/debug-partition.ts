/**
 * Calls the current function on one partition of a run, on the rows that the run pinned, in this process.
 * Reads the run and its stage without changing them.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Client } from '@temporalio/client';
import { compareOutcomes, type WholeCall } from './compare-outcomes';
import { PartitionReader } from '../../reader/partitions/partition-handle';
import { readLocalRows } from '../../reader/partitions/results';
import { refuseRemoved } from '../../reader/removed-files';
import { RunReader } from '../../reader/run-reader';
import { ServerRun } from '../../reader/run-source';
import { MAX_ROWS_SHOWN, type CallView, type DebugOptions, type DebugReport } from './types';
import type { LogEntry } from '../../reader/log-types';
import type { PartitionView } from '../../reader/partition-types';
import type { ProjectConfig } from '../../config';
import { checkPin } from '../../functions/file-pins';
import type { RunRecord } from '../../history/fold';
import type { FunctionPlan, UnitPlan } from '../../core/unit-plan';
import { Refusal } from '../../core/refusal';
import type { CallHereOptions, Language } from '../../runners/language';
import { languageOfBundle } from '../../runners/languages';
import { runnerUnit } from '../../runners/runner-unit';
import type { Stage } from '../../stage';
import { downloadArtifact } from '../../reader/partitions/download';
import {
  FunctionCatalog,
  plannedFunction,
  sqlDigest,
  unknownFunction,
} from '../../planning/function-catalog';
import { openPlannedStage } from '../../stored/stage-access';
import { loadUnitPlan } from '../../stored/unit-plan';
import { localFiles } from '../../warehouse/staged-files';
import { fetchSnapshot } from '../../warehouse/unit-snapshot';
import { fetchModel } from '../../models/fetch-model';
import { openWarehouse, type Warehouse } from '../../warehouse';
import { SQL_FUNCTION } from '../../core/function-description';
import { LOOPBACK, isFree } from '../../temporal/ports';

/** Node's default, which editors and chrome://inspect look for. */
const INSPECTOR_PORT = 9229;

/**
 * Throws a `Refusal` if the partition cannot be debugged (the function no longer exists, its language has no
 * `callHere`, or the snapshot is damaged), and `SourceChanged` if a file is not the one that the run pinned.
 * Errors of the function are in the report.
 */
export async function debugPartition(
  client: Client,
  at: { runId: string; partition: string },
  project: ProjectConfig,
  options: DebugOptions,
): Promise<DebugReport> {
  const reader = new RunReader(new ServerRun(client, at.runId, null, project.stage));
  const partition = new PartitionReader(reader, at.partition);
  const described = await partition.describe();
  const ordinal = await partition.ordinal();
  const { record } = await reader.read();
  const stage = await openPlannedStage(record.plan!.stage, record.opened!.stageToken);
  await refuseRemoved(stage, record.opened!);
  const plan = await loadUnitPlan(stage, record.plan!.unitPlan);
  const fn = await functionOf(plan, record, project, options);
  const language = languageOf(fn, options);
  const recorded = await recordedCall(partition, described);
  if (options.inspect === true && language.hasTerminal !== true) await waitForDebugger(fn, options);

  const scratch = await mkdtemp(join(tmpdir(), 'partwise-'));
  try {
    const attempt = described.attempts + 1;
    const { rows } = described;
    options.onEvent?.({ type: 'calling', attempt, rows, inTerminal: language.hasTerminal === true });
    const own = { workflowId: at.runId, runId: record.workflowRunId, stage: stage.uri };
    const onDownload: OnDownload = (request) => downloadArtifact(client, own, request, scratch);
    const { execution } = record.opened!;
    const prepared = {
      partition: at.partition,
      stage,
      warehouse: openWarehouse(plan.warehouse, project.projectDir),
      plan,
      fn,
      language,
      project,
      ordinal,
      execution,
      attempt,
      scratch,
      onDownload,
    };
    const now = await callNow(prepared, options);
    const comparison = recorded === null ? null : compareOutcomes(now, recorded);
    // What it printed is in the terminal only.
    if (comparison !== null && language.hasTerminal === true) comparison.logs = null;
    return {
      runId: at.runId,
      partition: at.partition,
      key: described.key,
      rows: described.rows,
      function: fn.name,
      now: shown(now),
      recorded: recorded === null ? null : shown(recorded),
      comparison,
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Bundles the current function. */
async function functionOf(
  { function: planned }: UnitPlan,
  record: RunRecord,
  project: ProjectConfig,
  options: DebugOptions,
): Promise<FunctionPlan> {
  const { name } = planned;
  if (name === SQL_FUNCTION) {
    const sql = options.sql ?? planned.sql!;
    return { name, digest: sqlDigest(sql), bundle: null, sql };
  }
  if (options.sql !== undefined) {
    throw new Refusal('InvalidInput', [
      `"sql" is only for runs of the built-in function "sql", but this run's function is "${name}": remove "sql".`,
    ]);
  }
  const { projectDir } = project;
  const absolute = (paths: string | string[]): string[] =>
    [paths].flat().map((path) => resolve(projectDir, path));
  const { functions: named } = record.opened!.input;
  const ofRun = named == null ? [] : absolute(named);
  // The run may have been started on a machine where the project is in another folder.
  const isHere = ofRun.length > 0 && ofRun.every((file) => existsSync(file));
  const files =
    options.functions === undefined ? (isHere ? ofRun : project.functions) : absolute(options.functions);
  const folder = join(projectDir, '.partwise', 'functions');
  const catalog = new FunctionCatalog({
    files,
    folder,
    reloads: true,
    passEnv: project.worker.passEnv,
    cwd: projectDir,
    python: project.python ?? record.opened!.input.python,
  });
  const loaded = await catalog.current();
  const bundle = loaded.bundles.find(({ functions }) => functions.some((each) => each.name === name));
  if (bundle !== undefined) return plannedFunction(name, bundle);
  throw new Refusal('InvalidInput', unknownFunction(name, loaded));
}

async function recordedCall(
  partition: PartitionReader,
  { status, attempts, durationMs, artifacts, error }: PartitionView,
): Promise<WholeCall | null> {
  if (status === 'PENDING' || status === 'RUNNING') return null;
  const all = await partition.logs();
  const latest = all.reduce<LogEntry | null>((a, b) => (a === null || isLater(b, a) ? b : a), null);
  const logs = all.filter((line) => latest !== null && !isLater(latest, line));
  return { status, attempts, durationMs, artifacts, error, logs, rows: await partition.result() };
}

/** Whether `a` belongs to a later attempt than `b`. */
function isLater(a: LogEntry, b: LogEntry): boolean {
  return a.execution > b.execution || (a.execution === b.execution && a.attempt > b.attempt);
}

/** The language of the function, which can call it here. */
function languageOf(fn: FunctionPlan, { postMortem }: DebugOptions): Language {
  const language = languageOfBundle(fn.bundle)!;
  if (postMortem === true && language.hasTerminal !== true)
    throw new Refusal('InvalidInput', [
      `--pdb is for functions in Python, and "${fn.name}" is written in ${language.name}: use --inspect.`,
    ]);
  if (language.callHere !== undefined) return language;
  throw new Refusal('InvalidInput', [
    `The function "${fn.name}" is written in ${language.name}, which partwise debug cannot call. ` +
      'Print what you need to see, and call it on a few partitions with partwise run --try.',
  ]);
}

/** Blocks this process until a debugger is attached. */
async function waitForDebugger(fn: FunctionPlan, { onEvent }: DebugOptions): Promise<void> {
  if (fn.bundle === null) {
    throw new Refusal('InvalidInput', [
      'The built-in function "sql" has no code to debug: remove --inspect.',
    ]);
  }
  const inspector = await import('node:inspector');
  if (inspector.url() !== undefined) return;
  const portTaken = !(await isFree(INSPECTOR_PORT));
  inspector.open(portTaken ? 0 : INSPECTOR_PORT, LOOPBACK);
  onEvent?.({ type: 'waiting', url: inspector.url()!, portTaken });
  inspector.waitForDebugger();
}

type OnDownload = CallHereOptions['onDownload'];

interface Prepared {
  partition: string;
  stage: Stage;
  warehouse: Warehouse;
  plan: UnitPlan;
  fn: FunctionPlan;
  language: Language;
  project: ProjectConfig;
  ordinal: number;
  execution: number;
  attempt: number;
  scratch: string;
  onDownload: OnDownload;
}

async function callNow(
  {
    partition,
    stage,
    warehouse,
    plan,
    fn,
    language,
    project,
    ordinal,
    execution,
    attempt,
    scratch,
    onDownload,
  }: Prepared,
  { inspect, postMortem, onEvent, signal = new AbortController().signal }: DebugOptions,
): Promise<WholeCall> {
  const logs: LogEntry[] = [];
  const index = await stage.localFile(plan.index, scratch);
  const { projectDir } = project;
  const files = await localFiles(plan, [ordinal], { projectDir, scratch, signal });
  for (const file of files ?? []) await checkPin(file);
  const unit = runnerUnit(plan, {
    function: fn,
    bundle: fn.bundle,
    index,
    snapshot: await fetchSnapshot({ stage, warehouse }, plan, [ordinal], scratch, signal),
    files,
    ordinals: [ordinal],
    isBatch: false,
    priorCalls: attempt - 1,
    pause: inspect === true,
    spill: scratch,
    scratch,
    nonRetryableErrorTypes: [],
    memoryBytes: plan.memoryBytes,
  });
  const { hasDuckDB } = language;
  const { outcome, rowsFiles, uploads } = await language.callHere!({
    project: { cwd: project.projectDir },
    passEnv: project.worker.passEnv,
    postMortem,
    unit,
    onLog: ({ at, stream, text }) => {
      const entry: LogEntry = { at, partition, execution, attempt, stream, text };
      logs.push(entry);
      onEvent?.({ type: 'log', entry });
    },
    onDownload,
    onModel: (of) => fetchModel(plan.models ?? null, of, scratch),
    access: warehouse.access(unit, { timeoutMs: null, scratch, hasDuckDB }),
    signal,
  });
  signal.throwIfAborted();
  const { status, durationMs, error } = outcome;
  const artifacts = uploads.map(({ name, content, sha256 }) => ({ name, bytes: content.byteLength, sha256 }));
  const returned = rowsFiles.map((file) => ({ file, except: [] }));
  const rows = await readLocalRows(returned, plan.keyColumns);
  return { status, attempts: attempt, durationMs, artifacts, error, logs, rows };
}

function shown({ rows, ...call }: WholeCall): CallView {
  return { ...call, result: rows.slice(0, MAX_ROWS_SHOWN), resultRows: rows.length };
}
