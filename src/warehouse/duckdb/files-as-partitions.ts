/**
 * Stage mode: each file that matches a pattern is a partition, which is read in place and pinned by its
 * digest (I1).
 */
import { realpath, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { digestFile } from '../../files/digest';
import { isWithin, outside, type Confinement } from '../../duckdb/confinement';
import { didYouMean } from '../../core/nearest';
import { encodePartitionId } from '../../core/partition-id';
import type { Column } from '../../core/plan';
import type { PinnedFile } from '../../core/unit-plan';
import { Refusal } from '../../core/refusal';
import type {
  PartitionSizes,
  PartitionsRequest,
  PinnedSource,
  Snapshot,
  SnapshotPlace,
  SourceShape,
} from '../warehouse';
import { queryRows, quoteText } from '../../duckdb/database-file';
import { fileFingerprint } from './fingerprint';
import { putIndex } from './snapshot';
import { readerSql } from '../../duckdb/file-reader';

const EVERYTHING = '**/*';

/** The key of a file partition: its path below the source's folder. */
const FILE_KEY: Column = { name: 'file', type: 'VARCHAR' };

export interface FilesSource {
  files: string;
  pattern?: string;
}

/** Where to look for files. */
export interface FilesPlace {
  projectDir: string;
  /** Matching files outside it are refused, unless it is null. */
  confinement: Confinement | null;
}

/** The globs that a source lists, as absolute paths. */
export function globsOf({ files, pattern }: FilesSource, projectDir: string): string[] {
  const folder = resolve(projectDir, files);
  return [folder, globOf(folder, pattern)].filter((path) => /[*?[]/.test(path));
}

function globOf(folder: string, pattern = EVERYTHING): string {
  return join(folder, ...pattern.split('/'));
}

/** Returns the columns of the first file; each partition is read with its own file's columns. */
export async function describeFiles(
  connection: DuckDBConnection,
  request: Pick<FilesRequest, 'source' | 'allowEmpty'>,
  place: FilesPlace,
): Promise<SourceShape> {
  const [first] = await matching(connection, request, place);
  const columns = first === undefined ? [] : await columnsOfFile(connection, first.path);
  return { columns, keyColumns: [FILE_KEY] };
}

async function columnsOfFile(connection: DuckDBConnection, path: string): Promise<Column[]> {
  const described = await queryRows<{ column_name: string; column_type: string }>(
    connection,
    `DESCRIBE SELECT * FROM ${readerSql(path)}`,
  );
  return described.map(({ column_name: name, column_type: type }) => ({ name, type }));
}

type FilesRequest = PartitionsRequest & { source: FilesSource };

/** Returns the partitions that `pinFiles` would make. */
export async function countFiles(
  connection: DuckDBConnection,
  request: FilesRequest,
  place: FilesPlace,
): Promise<PartitionSizes> {
  const shape = await describeFiles(connection, request, place);
  const found = await select(connection, request, place);
  const rows: number[] = [];
  for (const { path } of found) {
    request.signal.throwIfAborted();
    const [counted] = await queryRows<{ n: number }>(
      connection,
      `SELECT count(*)::DOUBLE AS n FROM ${readerSql(path)}`,
    );
    rows.push(counted!.n);
  }
  return { ...shape, rows, ids: found.map(({ id }) => id) };
}

export async function pinFiles(
  connection: DuckDBConnection,
  request: FilesRequest & { scratch: string },
  place: FilesPlace,
): Promise<PinnedSource> {
  const found = await select(connection, request, place);
  const files: PinnedFile[] = [];
  // Pinned before rows are counted, so that a change in between is noticed when the file is read.
  for (const { path } of found) {
    request.signal.throwIfAborted();
    files.push(await pinFile(path));
  }
  const sizes = await countFiles(connection, request, place);
  const fingerprints = files.map(fileFingerprint);
  await connection.run(
    'CREATE TEMP TABLE partition_index (ord INTEGER, id VARCHAR, rows BIGINT, key_0 VARCHAR, fingerprint VARCHAR)',
  );
  const appender = await connection.createAppender('partition_index', 'main', 'temp');
  for (const [ord, file] of found.entries()) {
    appender.appendInteger(ord);
    appender.appendVarchar(file.id);
    appender.appendBigInt(BigInt(sizes.rows[ord]!));
    appender.appendVarchar(file.name);
    appender.appendVarchar(fingerprints[ord]!);
    appender.endRow();
  }
  appender.closeSync();
  const put = async (place: SnapshotPlace): Promise<Snapshot> => ({
    index: await putIndex(connection, request, place, files.length),
    files: [],
  });
  return { ...sizes, fingerprints, files, pushDown: null, put };
}

interface FoundFile {
  path: string;
  name: string;
  id: string;
}

async function select(
  connection: DuckDBConnection,
  request: FilesRequest,
  place: FilesPlace,
): Promise<FoundFile[]> {
  const all = (await matching(connection, request, place)).map((file) => ({
    ...file,
    id: encodePartitionId([file.name]),
  }));
  const found = request.only === null ? all : narrow(all, request.only);
  if (found.length <= request.maxPartitions) return found;
  throw new Refusal('TooManyPartitions', [
    `${found.length.toLocaleString('en')} files match, more than maxPartitions (${request.maxPartitions.toLocaleString('en')}): ` +
      `narrow the pattern or raise options.maxPartitions (--max-partitions).`,
  ]);
}

async function matching(
  connection: DuckDBConnection,
  { source, allowEmpty }: Pick<FilesRequest, 'source' | 'allowEmpty'>,
  { projectDir, confinement }: FilesPlace,
): Promise<{ path: string; name: string }[]> {
  const folder = resolve(projectDir, source.files);
  const pattern = source.pattern ?? EVERYTHING;
  const listed = await queryRows<{ file: string }>(
    connection,
    `SELECT file FROM glob(${quoteText(globOf(folder, pattern))}) ORDER BY file`,
  );
  if (confinement !== null) await refuseOutside(confinement, listed);
  const files = listed.map(({ file }) => ({ path: file, name: relative(folder, file).split(sep).join('/') }));
  const refusal = files.length === 0 ? await nothingMatches(connection, source, folder, pattern) : null;
  if (refusal !== null && !(refusal.type === 'SourceEmpty' && allowEmpty === true)) throw refusal;
  return files;
}

/** Runners open the files themselves, so links that lead elsewhere are resolved here. */
async function refuseOutside(confinement: Confinement, listed: readonly { file: string }[]): Promise<void> {
  const problems: string[] = [];
  for (const { file } of listed)
    if (!isWithin(confinement, await realpath(file))) problems.push(outside(file));
  if (problems.length > 0) throw new Refusal('InvalidInput', problems);
}

async function nothingMatches(
  connection: DuckDBConnection,
  source: FilesSource,
  folder: string,
  pattern: string,
): Promise<Refusal> {
  const found = await stat(folder).catch(() => null);
  if (found === null) {
    return new Refusal('SourceMissing', [
      `There is no file or folder "${source.files}" (looked for ${folder}).`,
    ]);
  }
  if (!found.isFile()) {
    return new Refusal('SourceEmpty', [
      `No file in "${source.files}" (looked in ${folder}) matches the pattern "${pattern}". ` +
        'To read files as one table, name the columns to partition by.',
    ]);
  }
  if (source.pattern !== undefined) {
    return new Refusal('InvalidInput', [
      `"${source.files}" is a file, but the pattern "${pattern}" selects files below a folder: name the folder, or leave the pattern out.`,
    ]);
  }
  const columns = await columnsOfFile(connection, folder).catch(() => []);
  const known = columns.length === 0 ? '' : ` It has: ${columns.map(({ name }) => name).join(', ')}.`;
  return new Refusal('InvalidInput', [
    `"${source.files}" is one file: name the columns to partition it by ("partitionBy", --by).${known}`,
  ]);
}

function narrow<T extends { id: string }>(found: T[], only: readonly string[]): T[] {
  const wanted = new Set(only);
  const ids = found.map(({ id }) => id);
  const missing = only.filter((id) => !ids.includes(id));
  if (missing.length > 0) {
    throw new Refusal(
      'InvalidInput',
      missing.map((id) => `There is no file partition "${id}" in the source.${didYouMean(id, ids)}`),
    );
  }
  return found.filter(({ id }) => wanted.has(id));
}

async function pinFile(path: string): Promise<PinnedFile> {
  const { size, mtimeMs } = await stat(path);
  const { sha256 } = await digestFile(path);
  return { path, bytes: size, modifiedMs: mtimeMs, sha256 };
}
