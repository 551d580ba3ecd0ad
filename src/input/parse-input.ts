/**
 * Parses the raw input of a run (any JSON) and fills in defaults, or reports every problem together (I9).
 * Used by the library, the CLI and the worker's `openRun`.
 */
import { explainIssues } from './explain-issues';
import { asksToRetry, inputSchema, type ParsedInput, type ParsedRetry } from './input-schema';
import type { Source, ModelInput } from '../core/input';
import type { NormalizedInput, PlannedInput, WarehouseOptions } from '../core/normalized-input';
import { splitReference, withFunctionsFile } from '../core/function-reference';
import { jsonProblems } from '../core/json-value';
import { encodePartitionId, isPartitionId } from '../core/partition-id';
import type { OutputPlan } from '../core/plan';
import { parsePeriod, timeZoneName } from './zoned-time';
import { quote } from '../core/quote';
import { SQL_FUNCTION } from '../core/function-description';
import type { NormalizedRetry, NormalizedRule } from '../core/failures/retry-plan';

/** The fields of the input that are recorded for planning. */
export function plannedFields(input: NormalizedInput): PlannedInput {
  const { source, partitionBy, params, where, snapshot, only, output, model } = input;
  const { timeZone, onUnchanged, series, options } = input;
  return {
    source,
    partitionBy,
    params,
    where,
    snapshot,
    only,
    output,
    model,
    timeZone,
    onUnchanged,
    series,
    options,
  };
}

export type InputReport = { ok: true; input: NormalizedInput } | { ok: false; problems: string[] };

/** Default number of partitions in flight. Keeps two cores busy even if functions sometimes wait for I/O. */
const MAX_CONCURRENCY = 8;
const HEARTBEAT_TIMEOUT_MS = 10_000;
/** Default limit: more partitions most likely mean the wrong key column. */
const MAX_PARTITIONS = 100_000;
/**
 * Temporal warns at 256 KiB per payload (I7), and the argument of planning contains the input and parts of it
 * again.
 */
const MAX_INPUT_BYTES = 100 * 1024;

// enforces I9
export function parseRunInput(given: unknown): InputReport {
  const raw = withFunctionsFile(given);
  const notObject = notAnObject(raw);
  if (notObject !== null) return { ok: false, problems: [notObject] };
  const result = inputSchema.safeParse(raw);
  const problems = result.success ? [] : explainIssues(result.error.issues, raw, 'The input');
  const { params } = raw as LooseInput;
  // The schema checks the values of all other fields.
  const lost = params == null ? [] : jsonProblems(params, 'params');
  problems.push(...acrossFields(raw as LooseInput), ...(lost.length > 0 ? lost : tooLarge(raw)));
  if (!result.success || problems.length > 0) return { ok: false, problems };
  return { ok: true, input: normalize(result.data) };
}

export function normalizeRetry(retry: ParsedRetry | null | undefined): NormalizedRetry {
  const rules = Object.entries(retry?.byErrorType ?? {});
  return {
    ...normalizeRule(retry),
    nonRetryableErrorTypes: retry?.nonRetryableErrorTypes ?? null,
    byErrorType:
      rules.length === 0
        ? null
        : Object.fromEntries(rules.map(([type, rule]) => [type, normalizeRule(rule)])),
  };
}

function normalizeRule(rule: Omit<ParsedRetry, 'byErrorType'> | null | undefined): NormalizedRule {
  return {
    maximumAttempts: rule?.maximumAttempts ?? null,
    initialIntervalMs: rule?.initialInterval ?? null,
    backoffCoefficient: rule?.backoffCoefficient ?? null,
    maximumIntervalMs: rule?.maximumInterval ?? null,
  };
}

function notAnObject(raw: unknown): string | null {
  const example = '{"function": "salesByRegion", "source": {"table": "sales"}, "partitionBy": ["region"]}';
  if (raw === undefined || raw === null) return `There is no input. Pass one JSON object such as ${example}.`;
  if (typeof raw === 'string' && /^\s*\{/.test(raw)) {
    return `The input is a string containing JSON, ${quote(raw)}; pass the object itself (was it encoded twice?).`;
  }
  if (typeof raw !== 'object' || Array.isArray(raw)) {
    return `The input is ${quote(raw)}; it takes one JSON object such as ${example}.`;
  }
  return null;
}

/** The input before its fields have been validated. */
type LooseInput = { [Field in keyof ParsedInput]?: unknown };

/** Checks across fields. Each check considers only fields that are valid on their own. */
function acrossFields(raw: LooseInput): string[] {
  const problems: string[] = [];
  const source = (typeof raw.source === 'object' ? raw.source : null) as Record<string, unknown> | null;
  const filesAsPartitions = typeof source?.files === 'string' && isAbsent(raw.partitionBy);
  if (isAbsent(raw.partitionBy) && source !== null && !filesAsPartitions && source.files == null) {
    problems.push('"partitionBy" is missing; it takes a list of column names, such as ["region"].');
  }
  if (!isAbsent(raw.partitionBy) && typeof source?.pattern === 'string') {
    problems.push(
      '"source.pattern" selects files that are one partition each, but with "partitionBy" all files are one table: ' +
        'put the pattern into "source.files", such as "sales/*.csv".',
    );
  }
  if (filesAsPartitions && typeof raw.where === 'string') {
    problems.push(
      '"where" cannot be used when each file is a partition. Use "source.pattern" or "only", or filter in the function.',
    );
  }
  if (raw.snapshot === 'none' && source !== null && typeof source.table !== 'string') {
    problems.push(
      '"snapshot" is "none", which works for tables only: a query or files could return different rows each time. Remove it.',
    );
  }
  if (raw.rerunMissing === true && !asksToRetry(raw.onExisting)) {
    problems.push('"rerunMissing" goes with "onExisting": "retry" only. Remove it.');
  }
  problems.push(...selectionProblems(raw));
  problems.push(
    ...referenceProblems(raw),
    ...stageProblems(source),
    ...urlProblems(source),
    ...repeated(raw.partitionBy),
    ...sqlProblems(raw),
    ...seriesProblems(raw),
    ...onlyProblems(raw, filesAsPartitions ? 1 : null),
  );
  return problems;
}

/** Which partitions a retry runs can be said in one way at a time. */
function selectionProblems(raw: LooseInput): string[] {
  const isRetry = asksToRetry(raw.onExisting);
  const given = (['only', 'failedWith', 'ordinals'] as const).filter((name) => raw[name] != null);
  const ofRetries = given.filter((name) => name !== 'only');
  const problems = isRetry
    ? []
    : ofRetries.map((name) => `"${name}" goes with "onExisting": "retry" only. Remove it.`);
  if (given.length > 1 && ofRetries.length > 0) {
    const named = given.map((name) => `"${name}"`).join(' and ');
    problems.push(`${named} each select the partitions to retry. Give one of them.`);
  }
  if (raw.generation != null && raw.ordinals == null) {
    problems.push('"generation" goes with "ordinals" only. Remove it.');
  }
  return problems;
}

/** `FILE:NAME` next to another file; alone, it was split before. */
function referenceProblems({ function: reference, functions }: LooseInput): string[] {
  const parts = typeof reference === 'string' ? splitReference(reference) : null;
  if (parts === null) return [];
  return [
    `"function" is ${quote(reference)}, which names the file "${parts.file}", but "functions" is ${quote(functions)}. Name the file once.`,
  ];
}

/** Files on one of the warehouse's own stages cannot be read like local files. */
function stageProblems(source: Record<string, unknown> | null): string[] {
  return ['table', 'files'].flatMap((field) => {
    const value = source?.[field];
    if (typeof value !== 'string' || !value.startsWith('@')) return [];
    return [
      `"source.${field}" is ${quote(value)}, which is a stage, not a table or files. Load its files into a table, ` +
        'or give a "query" that selects from it, such as "SELECT $1 AS region, $2 AS amount FROM @DB.SCHEMA.STAGE/sales.csv".',
    ];
  });
}

/** Files are read from disks, so that they can be listed and pinned. */
function urlProblems(source: Record<string, unknown> | null): string[] {
  const files = source?.files;
  if (typeof files !== 'string' || !/^[a-z][a-z0-9+.-]+:\/\//i.test(files)) return [];
  return [
    `"source.files" is ${quote(files)}, which is a URL, not a path. Read it in a query, where DuckDB can load its extension for it, ` +
      `such as "SELECT * FROM '${files}'", or download it first.`,
  ];
}

function isAbsent(partitionBy: unknown): boolean {
  return partitionBy == null || (Array.isArray(partitionBy) && partitionBy.length === 0);
}

function repeated(partitionBy: unknown): string[] {
  if (!Array.isArray(partitionBy)) return [];
  const names = partitionBy.filter((name) => typeof name === 'string').map((name) => name.toLowerCase());
  const twice = new Set(names.filter((name, i) => names.indexOf(name) < i));
  return [...twice].map((name) => `"partitionBy" names the column "${name}" twice. Name it once.`);
}

function sqlProblems(raw: LooseInput): string[] {
  if (raw.function === SQL_FUNCTION && raw.sql == null) {
    return [
      `"sql" is missing; the function "sql" runs it on each partition, such as "SELECT count(*) AS n FROM data".`,
    ];
  }
  if (typeof raw.function === 'string' && raw.function !== SQL_FUNCTION && raw.sql != null) {
    return [
      `"sql" goes with the built-in function "sql" only, but "function" is ${quote(raw.function)}. Remove one of them.`,
    ];
  }
  return [];
}

function seriesProblems({ onUnchanged, series }: LooseInput): string[] {
  if (onUnchanged !== 'reuse' || series != null) return [];
  return [
    '"onUnchanged" is "reuse", which needs a "series" of runs to reuse outcomes from: give all of them the same "series", such as "nightly".',
  ];
}

function onlyProblems(raw: LooseInput, keyColumns: number | null): string[] {
  if (!Array.isArray(raw.only)) return [];
  const columns = keyColumns ?? (Array.isArray(raw.partitionBy) ? raw.partitionBy.length : null);
  return raw.only.flatMap((id: unknown, i) => {
    if (typeof id !== 'string' || id.trim() === '') return [];
    if (!isPartitionId(id)) {
      const meant = encodePartitionId(id.split('/'));
      return [
        `"only[${i}]" is ${quote(id)}, which is not a partition id: ids are percent-encoded, so you may mean "${meant}".`,
      ];
    }
    const parts = id.split('/').length;
    if (columns === null || parts === columns) return [];
    return [
      `"only[${i}]" is ${quote(id)}, a partition id of ${parts} ${parts === 1 ? 'column' : 'columns'}, ` +
        `but the partition key has ${columns}. Write one value per column, joined by "/".`,
    ];
  });
}

// enforces I7
function tooLarge(raw: unknown): string[] {
  try {
    const bytes = Buffer.byteLength(JSON.stringify(raw));
    if (bytes <= MAX_INPUT_BYTES) return [];
    return [
      `The input is ${Math.ceil(bytes / 1024)} KiB long, but at most ${MAX_INPUT_BYTES / 1024} KiB can be passed through Temporal. ` +
        'Put large parameters into a table or file that the function reads.',
    ];
  } catch (error) {
    // A field is circular, or contains something that is not a value; the schema reports which one.
    return [
      `The input cannot be written as JSON: ${error instanceof Error ? error.message : String(error)}.`,
    ];
  }
}

function normalize(parsed: ParsedInput): NormalizedInput {
  const { options, scheduledTime } = parsed;
  const timeZone = timeZoneName(parsed.timeZone ?? 'UTC')!;
  return {
    function: parsed.function,
    source: normalizeSource(parsed.source),
    partitionBy: parsed.partitionBy ?? [],
    warehouse: parsed.warehouse ?? null,
    stage: parsed.stage ?? null,
    functions: parsed.functions == null ? null : listOf(parsed.functions),
    python: parsed.python ?? null,
    params: parsed.params ?? {},
    sql: parsed.sql ?? null,
    where: parsed.where ?? null,
    snapshot: parsed.snapshot ?? 'stage',
    only: parsed.only == null ? null : [...new Set(parsed.only)],
    output: normalizeOutput(parsed.output),
    model: normalizeModel(parsed.model),
    onExisting: parsed.onExisting ?? 'error',
    scheduledTime:
      scheduledTime == null ? null : new Date(parsePeriod(scheduledTime, timeZone)!.from).toISOString(),
    timeZone,
    notify: parsed.notify ?? null,
    onUnchanged: parsed.onUnchanged ?? 'run',
    series: parsed.series ?? null,
    options: {
      maxConcurrency: options?.maxConcurrency ?? MAX_CONCURRENCY,
      toleratedFailures: options?.toleratedFailures ?? 0,
      failFast: options?.failFast ?? false,
      runTimeoutMs: options?.runTimeout ?? null,
      retry: normalizeRetry(options?.retry),
      timeoutMs: options?.timeout ?? null,
      memoryBytes: options?.memory ?? null,
      heartbeatTimeoutMs: options?.heartbeatTimeout ?? HEARTBEAT_TIMEOUT_MS,
      maxPartitions: options?.maxPartitions ?? MAX_PARTITIONS,
      allowEmpty: options?.allowEmpty ?? false,
      partitionsPerUnit: options?.partitionsPerUnit ?? null,
      warehouse: given(options?.warehouse) as WarehouseOptions,
    },
  };
}

function normalizeSource(source: ParsedInput['source']): Source {
  if (source.table != null) return { table: source.table };
  if (source.query != null) return { query: source.query };
  return given({ files: source.files!, pattern: source.pattern, types: source.types }) as Source;
}

function normalizeModel(model: ParsedInput['model']): ModelInput | null {
  return model == null ? null : (given(model) as ModelInput);
}

/** A value as a list of one; a list as it is. */
function listOf(value: string | string[]): string[] {
  return typeof value === 'string' ? [value] : value;
}

/** The fields that are set; null counts as not set. */
export function given<T extends object>(fields: T | null | undefined): Partial<T> {
  return Object.fromEntries(Object.entries(fields ?? {}).filter(([, value]) => value != null)) as Partial<T>;
}

function normalizeOutput(output: ParsedInput['output']): OutputPlan | null {
  if (output == null) return null;
  if (output.model != null) return { model: output.model, base: output.base ?? null };
  if (output.table != null)
    return { table: output.table, mode: output.mode ?? 'replace', evolve: output.evolve ?? false };
  return { file: output.file!, format: /\.csv$/i.test(output.file!) ? 'csv' : 'parquet' };
}
