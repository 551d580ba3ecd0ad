/** A unit over a small snapshot, run in real runner processes, and its results. */
import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { bundleFunctions } from '../../src/runners/functions-file';
import type { FunctionBundle } from '../../src/runners/language';
import { languageOfBundle } from '../../src/runners/languages';
import type { RunnerPool } from '../../src/runners/pool';
import type { RunnerUnit } from '../../src/runners/protocol';
import { artifactRefs, outcomeAt } from '../../src/core/done-block';
import type { EndedOutcome } from '../../src/core/outcome';
import { runUnit, type UnitRunResult } from '../../src/runners/unit-run';
import type { UnitRunOptions } from '../../src/runners/unit-run-types';

export function makeFolder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'partwise-runners-')));
}

/** Partitions `k0`, `k1`, … of `rowsEach` rows with `region`, `amount` and `day`. */
export async function makeSnapshot(folder: string, partitions: number, rowsEach: number): Promise<void> {
  const database = await DuckDBInstance.create(':memory:');
  const connection = await database.connect();
  await connection.run(
    `COPY (SELECT 'k' || p AS region, r::DOUBLE + 1 AS amount, DATE '2024-01-01' + r::INTEGER AS day,
       p::INTEGER AS __partwise_ord
       FROM range(${partitions}) a(p), range(${rowsEach}) b(r) ORDER BY p, r) TO '${folder}/snapshot.parquet'`,
  );
  await connection.run(
    `COPY (SELECT p::INTEGER AS ord, 'k' || p AS id, ${rowsEach}::BIGINT AS rows, 'k' || p AS key_0
       FROM range(${partitions}) a(p) ORDER BY 1) TO '${folder}/index.parquet'`,
  );
  connection.closeSync();
  database.closeSync();
}

export const bundleFixture = (folder: string, file = 'runner-functions.ts'): Promise<FunctionBundle> =>
  bundleFunctions(join(__dirname, file), join(folder, 'functions'));

export interface Ran extends UnitRunResult {
  ended: { outcome: EndedOutcome; retryable: boolean; retryDelayMs: number | null }[];
  /** Files of rows. */
  files: string[];
  /** Files of artifacts. */
  packs: string[];
  logs: { ordinal: number | null; attempt: number | null; stream: string; text: string }[];
  /** `k0: DONE` and so on, in key order; with the error's type if there is one. */
  summary: string[];
}

export interface RunRequest {
  pool: RunnerPool;
  folder: string;
  bundle: FunctionBundle | null;
  name: string;
  ordinals: number[];
  unit?: Partial<RunnerUnit>;
  /** The test checks `failed` itself. */
  mayFail?: boolean;
  options?: Partial<Omit<UnitRunOptions, 'handlers'>>;
  handlers?: Partial<UnitRunOptions['handlers']>;
  /** Called when a function has uploaded or printed something. */
  onCall?: (ordinal: number, attempt: number) => void;
  /** Default 3. */
  maximumLosses?: number;
}

/** A unit over the folder's snapshot, whose files are in `scratch`. */
export function unitOf(
  { folder, bundle, name, ordinals }: Pick<RunRequest, 'folder' | 'bundle' | 'name' | 'ordinals'>,
  scratch: string,
): RunnerUnit {
  return {
    function: { name, digest: bundle?.digest ?? 'none', bundle: bundle?.path ?? null, sql: null },
    bundle: bundle?.path ?? null,
    runId: 'run-1',
    params: {},
    keyColumns: [{ name: 'region', type: 'VARCHAR' }],
    columns: [
      { name: 'region', type: 'VARCHAR' },
      { name: 'amount', type: 'DOUBLE' },
      { name: 'day', type: 'DATE' },
    ],
    index: join(folder, 'index.parquet'),
    snapshot: [join(folder, 'snapshot.parquet')],
    files: null,
    ordinals,
    isBatch: false,
    priorCalls: 0,
    snapshotTime: '2024-06-01T00:00:00.000Z',
    scheduledTime: null,
    warehouse: 'duckdb::memory:',
    pushDown: null,
    spill: scratch,
    scratch,
    nonRetryableErrorTypes: [],
    duckdbMemoryBytes: 250_000_000,
  };
}

let scratches = 0;

export async function run(request: RunRequest): Promise<Ran> {
  const { pool, folder, bundle, name, ordinals, maximumLosses = 3, onCall } = request;
  const scratch = join(folder, `scratch-${++scratches}`);
  mkdirSync(scratch);
  const ended: Ran['ended'] = [];
  const files: string[] = [];
  const packs: string[] = [];
  const called = new Set<string>();
  const noteCall = (ordinal: number | null, attempt: number | null): void => {
    const call = `${ordinal} ${attempt}`;
    if (ordinal === null || attempt === null || called.has(call)) return;
    called.add(call);
    onCall?.(ordinal, attempt);
  };
  const entryOf = async (ordinal: number) => {
    const [found] = await selectRows(
      `SELECT id, rows::DOUBLE AS rows FROM '${folder}/index.parquet' WHERE ord = ${ordinal}`,
    );
    return found as { id: string; rows: number };
  };
  const logs: Ran['logs'] = [];
  const unit = { ...unitOf({ folder, bundle, name, ordinals }, scratch), ...request.unit };
  const end = await runUnit({
    pool,
    language: languageOfBundle(unit.bundle)!,
    unit,
    timeoutMs: null,
    memory: { each: 500_000_000, alone: 500_000_000 },
    signal: new AbortController().signal,
    drain: new AbortController().signal,
    afterLoss: ({ length }) => (length < maximumLosses ? 'again' : 'end'),
    alone: false,
    entryOf,
    access: null,
    lease: null,
    ...request.options,
    handlers: {
      async onSegment(segment) {
        for (const { outcome, artifacts, ...rest } of segment.outcomes)
          ended.push({ outcome: { ...outcome, artifacts: artifactRefs(artifacts, segment.pack) }, ...rest });
        for (const at of segment.done?.ordinals.keys() ?? []) {
          const outcome = outcomeAt({ ...segment.done!, pack: segment.pack }, at);
          ended.push({ outcome, retryable: false, retryDelayMs: null });
        }
        if (segment.rows !== null) files.push(segment.rows);
        if (segment.pack !== null) packs.push(segment.pack);
      },
      onLog: (lines) => {
        for (const { ordinal, attempt } of lines) noteCall(ordinal, attempt);
        logs.push(...lines);
      },
      onUpload: async ({ name: artifact, partitionId, ordinal, attempt }) => {
        noteCall(ordinal, attempt);
        return { path: `${partitionId}/${attempt}/${artifact}`, bytes: 1, sha256: '0'.repeat(64) };
      },
      onDownload: async () => {
        throw new Error('There is nothing to download here.');
      },
      onRoom: async () => undefined,
      onModel: async () => null,
      onSession: () => undefined,
      waitedSince: () => 0,
      onLoss: () => undefined,
      onInterrupted: () => undefined,
      onHeartbeat: () => undefined,
      ...request.handlers,
    },
  });
  if (end.failed !== null && request.mayFail !== true)
    throw new Error(`The unit failed: ${end.failed.error.message}`);
  const summary = [...ended]
    .sort((a, b) => a.outcome.ordinal - b.outcome.ordinal)
    .map(
      ({ outcome }) =>
        `${outcome.id ?? outcome.ordinal}: ${outcome.status}${outcome.error === null ? '' : ` ${outcome.error.type}`}`,
    );
  return { ...end, ended, files, packs, logs, summary };
}

/** Rows of the files, in order. */
export function readRows(files: string[], select = '*'): Promise<Record<string, unknown>[]> {
  const list = files.map((file) => `'${file}'`).join(', ');
  return selectRows(
    `SELECT ${select} FROM read_parquet([${list}], union_by_name = true) ORDER BY __partwise_ord, __partwise_row`,
  );
}

export async function selectRows(sql: string): Promise<Record<string, unknown>[]> {
  const database = await DuckDBInstance.create(':memory:');
  const connection = await database.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowObjectsJson() as Record<string, unknown>[];
  } finally {
    connection.closeSync();
    database.closeSync();
  }
}
