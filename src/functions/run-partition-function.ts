import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { DuckDBInstance } from '@duckdb/node-api';
import { decodeArtifact } from './artifact-codec';
import { createContext } from './context';
import { createPartitionData } from './data';
import { KeptDatabase, openDatabase } from '../duckdb/database';
import { fileTable } from './file-rows';
import { encodeJson, showJson } from '../core/json';
import { copyKey } from '../core/key-values';
import { memoryRows } from '../rows/memory-rows';
import type { PartitionRows } from '../rows/partition-rows';
import { declaredColumns } from '../rows/declared-columns';
import { type OutputColumns, toDeclaredRows, toObjects, toOutputRows } from '../rows/rows';
import { addRows, allRows } from '../rows/slices';
import { identifier } from '../duckdb/quote';
import { toParameter } from '../duckdb/values';
import { SomeRows } from './some-rows';
import { SqlSession } from './sql-session';
import type { PartitionFunction, PartitionResult } from './types';
import { withWarehouse } from './warehouse-connection';
import type { ArtifactCodec } from '../core/files';
import { nearest } from '../core/nearest';
import { encodePartitionId } from '../core/partition-id';
import type { Row } from '../core/row';
import type { ModelInput } from '../core/input';

/** The arguments of the call. Everything except the rows has a default. */
export interface TestCall<Params = Record<string, unknown>> {
  /** The partition's rows. Missing key columns are added. */
  rows?: Row[];
  /** Instead of `rows`: a CSV, Parquet or JSON file, of which the function gets only the rows of the key. */
  file?: string;
  /** The partition's key, e.g. `{ region: 'North' }`. */
  key?: Row;
  params?: Params;
  runId?: string;
  attempt?: number;
  signal?: AbortSignal;
  snapshotTime?: Date;
  scheduledTime?: Date | null;
  /** Default: the date of `scheduledTime` in UTC. */
  scheduledDate?: string | null;
  /** DuckDB file that `context.withConnection` opens. */
  warehouse?: string;
  /** What `context.download` returns: values by artifact name, for any partition and run. */
  artifacts?: Record<string, unknown>;
  /** A run's settings for models, such as `{ holdout: "day >= '2024-03-01'" }`. */
  model?: ModelInput;
  /** For `predict` of a partition model: trained models by partition id. */
  models?: Record<string, unknown>;
}

/** The outcome of the call. */
export interface TestOutcome {
  /** What the function returned. */
  result: PartitionResult;
  /** The rows that it would add to the combined output, key columns first. */
  rows: Row[];
  /** Uploaded artifacts by name, as `artifacts.get` would return them. */
  uploads: Map<string, unknown>;
  /** Lines written with `context.log`. */
  logs: string[];
  heartbeats: unknown[];
}

const MEMORY_BYTES = 1_000_000_000;

/**
 * Calls the function once. Rejects with the error that the function throws, or with `InvalidResult` if a run
 * could not store what it returns.
 */
export async function runPartitionFunction<Params = Record<string, unknown>>(
  fn: PartitionFunction<Params>,
  call: TestCall<Params>,
): Promise<TestOutcome> {
  const folder = await mkdtemp(join(tmpdir(), 'partwise-testing-'));
  const options = { memoryBytes: MEMORY_BYTES, tempFolder: folder };
  const kept = new KeptDatabase();
  const session = new SqlSession(options, kept);
  let database: DuckDBInstance | null = null;
  try {
    database = await openDatabase(options);
    return await callOnce(fn, call, await rowsOf(database, call), session, database);
  } finally {
    await session.close();
    kept.close();
    database?.closeSync();
    await rm(folder, { recursive: true, force: true });
  }
}

async function callOnce<Params>(
  fn: PartitionFunction<Params>,
  call: TestCall<Params>,
  rows: PartitionRows,
  session: SqlSession,
  database: DuckDBInstance,
): Promise<TestOutcome> {
  const { key = {}, artifacts = {}, models = {} } = call;
  const uploads = new Map<string, unknown>();
  const logs: string[] = [];
  const heartbeats: unknown[] = [];
  const { signal = new AbortController().signal } = call;
  const { context, finish } = createContext<Params>(
    {
      partitionId: partitionIdOf(key),
      key: copyKey(key),
      model: call.model ?? {},
      params: () => structuredClone(call.params ?? {}) as Params,
      runId: call.runId ?? 'test',
      attempt: call.attempt ?? 1,
      signal: () => signal,
      snapshotTime: call.snapshotTime ?? new Date(),
      scheduledTime: call.scheduledTime ?? null,
      scheduledDate: call.scheduledDate ?? call.scheduledTime?.toISOString().slice(0, 10) ?? null,
    },
    {
      scratch: tmpdir(),
      upload: async (name, bytes, codec) => void uploads.set(name, await decodeArtifact(bytes, codec)),
      download: async (name) => artifactOf(artifacts, name),
      model: async <Model>(partition: string) =>
        (Object.hasOwn(models, partition) ? (models[partition] ?? null) : null) as Model | null,
      withConnection: (use) => {
        if (call.warehouse !== undefined)
          return withWarehouse(`duckdb:${resolve(call.warehouse)}`, { partition: null }, use);
        throw new TypeError(
          'context.withConnection needs a warehouse: pass "warehouse", the path of a DuckDB file.',
        );
      },
      log: (text) => logs.push(...text.split('\n')),
      heartbeat: (progress) => heartbeats.push(progress),
    },
  );
  const result = await fn.run(createPartitionData(rows, session), context);
  await finish();
  const returned =
    fn.output === undefined
      ? // A copy of the array has no exact columns, which only files need: a test gets the values.
        toObjects(toOutputRows(Array.isArray(result) ? [...result] : result, key))
      : await declaredRows(database, result, key, fn.output);
  return { result, rows: returned.map((row) => ({ ...key, ...row })), uploads, logs, heartbeats };
}

/** The rows as the columns that the function declares store them. */
async function declaredRows(
  database: DuckDBInstance,
  result: unknown,
  key: Row,
  output: Readonly<Record<string, string>>,
): Promise<Row[]> {
  const declared = await declaredColumns(await database.connect(), output, Object.keys(key));
  const columns: OutputColumns = new Map(declared.columns.map(({ name, type }) => [name, `=${type}`]));
  const stored = await memoryRows(database, { columns, rows: toDeclaredRows(result, key, declared) });
  const rows: Row[] = [];
  for await (const { slice, shape } of stored.slices()) addRows(slice, shape, rows);
  return rows;
}

async function rowsOf<Params>(
  database: DuckDBInstance,
  { rows, file, key = {} }: TestCall<Params>,
): Promise<PartitionRows> {
  if (rows !== undefined)
    return memoryRows(
      database,
      toOutputRows(
        rows.map((row) => ({ ...key, ...row })),
        {},
      ),
    );
  if (file !== undefined) return rowsOfKey(database, await fileTable(database, file, null), file, key);
  throw new TypeError('runPartitionFunction needs "rows" (an array of objects) or "file" (a path).');
}

/** Only the partition's rows of the file, as far as the key's columns are in it. */
async function rowsOfKey(
  database: DuckDBInstance,
  all: PartitionRows,
  file: string,
  key: Row,
): Promise<PartitionRows> {
  const names = new Map(all.columns.map(({ name }) => [name.toLowerCase(), identifier(name)]));
  const wanted = Object.entries(key).filter(([name]) => names.has(name.toLowerCase()));
  for (const name of Object.keys(key)) {
    const meant = names.has(name.toLowerCase()) ? null : nearest(name, [...names.keys()]);
    if (meant !== null)
      throw new TypeError(`The file "${file}" has no column "${name}" of the key. Did you mean "${meant}"?`);
  }
  if (wanted.length === 0) return all;
  const conditions = wanted.map(([name, value], i) => {
    const column = names.get(name.toLowerCase())!;
    return `${typeof value === 'string' ? `${column}::VARCHAR` : column} IS NOT DISTINCT FROM $${i + 1}`;
  });
  const parameters = wanted.map(([name, value]) => toParameter(value, `key.${name}`));
  const connection = await database.connect();
  const found = await connection.run(
    `SELECT position FROM (SELECT row_number() OVER () - 1 AS position, * FROM (${await all.view(connection)})) WHERE ${conditions.join(' AND ')} ORDER BY position`,
    parameters.map(({ value }) => value),
    parameters.map(({ type }) => type),
  );
  const positions = (await allRows(found)).map(({ position }) => position as number);
  if (positions.length > 0) return new SomeRows(all, positions);
  throw new TypeError(
    `The file "${file}" has no rows with the key ${showJson(Object.fromEntries(wanted))}: pass a key of one of its rows.`,
  );
}

function partitionIdOf(key: Row): string {
  const values = Object.values(key);
  if (values.length === 0) return 'test';
  return encodePartitionId(values.map(keyText));
}

function keyText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return dateText(value);
  return typeof value === 'string' ? value : showJson(value);
}

/** The text of a DATE or a TIMESTAMP in DuckDB. */
function dateText(date: Date): string {
  const text = date.toISOString().replace('T', ' ').replace('Z', '');
  return text.endsWith('00:00:00.000') ? text.slice(0, 10) : text.replace(/\.?0+$/, '');
}

function artifactOf(
  artifacts: Record<string, unknown>,
  name: string,
): { bytes: Uint8Array; codec: ArtifactCodec } {
  if (!Object.hasOwn(artifacts, name)) {
    throw new Error(`There is no artifact "${name}". Pass it to the test as artifacts: { "${name}": … }.`);
  }
  const value = artifacts[name];
  if (value instanceof Uint8Array) return { bytes: value, codec: 'bytes' };
  if (typeof value === 'string') return { bytes: Buffer.from(value), codec: 'text' };
  return { bytes: Buffer.from(encodeJson(value, `The artifact "${name}"`)), codec: 'json' };
}
