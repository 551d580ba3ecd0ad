/** What is wrong with the fields of an input together (I9). Pure. */
import { SQL_FUNCTION } from '../core/function-description';
import { splitReference } from '../core/function-reference';
import { encodePartitionId, isPartitionId } from '../core/partition-id';
import { isOnStage } from '../core/files-on-stage';
import { quote } from '../core/quote';
import { asksToRetry, type ParsedInput } from './input-schema';

/** The input before its fields have been validated. */
export type LooseInput = { [Field in keyof ParsedInput]?: unknown };

/** Checks across fields. Each check considers only fields that are valid on their own. */
export function acrossFields(raw: LooseInput): string[] {
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
    ...stageProblems(source, filesAsPartitions),
    ...urlProblems(source, filesAsPartitions),
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

/** Files on one of the warehouse's own stages can be partitions, but not a table. */
function stageProblems(source: Record<string, unknown> | null, filesAsPartitions: boolean): string[] {
  return ['table', 'files'].flatMap((field) => {
    const value = source?.[field];
    if (typeof value !== 'string' || !value.startsWith('@')) return [];
    if (field === 'files' && filesAsPartitions) return [];
    return [
      `"source.${field}" is ${quote(value)}, which is a stage, not a table. Load its files into a table, ` +
        'give it as "source.files" without "partitionBy", so that each file is a partition, ' +
        'or give a "query" that selects from it, such as "SELECT $1 AS region, $2 AS amount FROM @DB.SCHEMA.STAGE/sales.csv".',
    ];
  });
}

/** Files on S3 can be partitions; others are read from disks, so that they can be listed and pinned. */
function urlProblems(source: Record<string, unknown> | null, filesAsPartitions: boolean): string[] {
  const files = source?.files;
  if (typeof files !== 'string' || files.startsWith('@') || !isOnStage(files)) return [];
  const isStage = files.startsWith('s3://');
  if (isStage && filesAsPartitions) return [];
  const partitions = isStage ? ' Leave out "partitionBy", and each file is a partition.' : '';
  return [
    `"source.files" is ${quote(files)}, which is a URL, not a path.${partitions} Read it in a query, where DuckDB can load its extension for it, ` +
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
