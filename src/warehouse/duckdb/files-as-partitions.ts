/**
 * Files as partitions: each file that matches a pattern is a partition, which is read in place and pinned by
 * its digest (I1).
 */
import { realpathSync, statSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { sha256Of } from '../../files/digest';
import { eachFile, sha256OfFile, stateOf } from '../../files/small-files';
import { isWithin, outside, type Confinement } from '../../duckdb/confinement';
import { formatOf } from '../../core/file-format';
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
import { queryRows } from '../../duckdb/database-file';
import { fileFingerprint } from './fingerprint';
import { putIndex } from './snapshot';
import { columnsOfFiles, type FileColumns } from '../../duckdb/file-columns';
import { literally, pathList, readerSql } from '../../duckdb/file-reader';
import { PATH } from '../../duckdb/file-texts';
import { type FilesSource, globbed, globOf } from './list-files';
import type { StageCopies } from './stage-copies';

const EVERYTHING = '**/*';

/** The key of a file partition: its path below the source's folder. */
const FILE_KEY: Column = { name: 'file', type: 'VARCHAR' };

/** Where to look for files. */
export interface FilesPlace {
  projectDir: string;
  /** Matching files outside it are refused, unless it is null. */
  confinement: Confinement | null;
  /** For files on a stage; absent: they are on this machine. */
  copies?: StageCopies;
}

/** The pattern of the files that are partitions. */
export function filesPattern({ pattern = EVERYTHING }: FilesSource): string {
  return pattern;
}

/** The patterns that a source lists, as absolute paths. */
export function globsOf(source: FilesSource, projectDir: string): string[] {
  return [globOf(source.files, projectDir), patternIn(resolve(projectDir, source.files), source)].filter(
    (path) => /[*?[]/.test(path),
  );
}

/** The folder is a path, and not a pattern. */
function patternIn(folder: string, source: FilesSource): string {
  return join(literally(folder), ...filesPattern(source).split('/'));
}

/** Returns the columns of all files, with one type for each name. */
export async function describeFiles(
  connection: DuckDBConnection,
  request: Pick<FilesRequest, 'source' | 'allowEmpty'>,
  place: FilesPlace,
): Promise<SourceShape> {
  const all = await matching(connection, request, place);
  const { columns, guesses } = await inspect(connection, request.source, all, place);
  return { columns, keyColumns: [FILE_KEY], guesses };
}

/** What is known about files without reading them again. */
interface Inspected extends FileColumns {
  /** The number of rows of each file that has any, by path; null: not counted. */
  rows: ReadonlyMap<string, number> | null;
}

/** The last files, since a run is checked, and planned right afterwards. */
let last: { key: string; found: Inspected } | null = null;

async function inspect(
  connection: DuckDBConnection,
  { types }: FilesSource,
  all: readonly { path: string }[],
  { confinement }: FilesPlace,
): Promise<Inspected> {
  if (all.length === 0)
    return { files: [], columns: [], guesses: null, dialect: null, texts: null, rows: new Map() };
  const states: string[] = [];
  await eachFile(all, ({ path }, i) => {
    // Any write changes the times, and `ctime` cannot be set back.
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    states[i] = `${ino} ${size} ${mtimeNs} ${ctimeNs} ${path}`;
  });
  const key = sha256Of(JSON.stringify([types, confinement, states]));
  if (last?.key === key) return last.found;
  const paths = all.map(({ path }) => path);
  const read = await columnsOfFiles(connection, paths, { types });
  const rows = read.texts === null ? null : await countRows(connection, read);
  // The table of texts ends with the connection.
  const found = { ...read, texts: null, rows };
  last = { key, found };
  return found;
}

type FilesRequest = PartitionsRequest & { source: FilesSource };

/** Returns the partitions that `pinFiles` would make. */
export async function countFiles(
  connection: DuckDBConnection,
  request: FilesRequest,
  place: FilesPlace,
): Promise<PartitionSizes> {
  return countIn(connection, request, await matching(connection, request, place), place);
}

/** `all`: the files that match. */
async function countIn(
  connection: DuckDBConnection,
  request: FilesRequest,
  all: readonly { path: string; name: string }[],
  place: FilesPlace,
): Promise<PartitionSizes> {
  // Columns are those of all files, whichever are selected.
  const read = await inspect(connection, request.source, all, place);
  const rows = read.rows ?? (await countRows(connection, read));
  const found = select(all, request);
  return {
    columns: read.columns,
    keyColumns: [FILE_KEY],
    guesses: read.guesses,
    rows: found.map(({ path }) => rows.get(path) ?? 0),
    ids: found.map(({ id }) => id),
  };
}

/** The number of rows of each file that has any, by path. */
async function countRows(
  connection: DuckDBConnection,
  { files, columns, guesses, dialect, texts }: FileColumns,
): Promise<Map<string, number>> {
  if (files.length === 0) return new Map();
  const types = guesses === null ? {} : { columns };
  const from = texts ?? readerSql(files, { ...types, dialect, pathColumn: PATH });
  const counted = await queryRows<{ path: string; n: number }>(
    connection,
    formatOf(files[0]!) === 'parquet'
      ? `SELECT file_name AS path, num_rows::DOUBLE AS n FROM parquet_file_metadata(${pathList(files)})`
      : `SELECT ${PATH} AS path, count(*)::DOUBLE AS n FROM ${from} GROUP BY ${PATH}`,
  );
  return new Map(counted.map(({ path, n }) => [path, n]));
}

export async function pinFiles(
  connection: DuckDBConnection,
  request: FilesRequest & { scratch: string },
  place: FilesPlace,
): Promise<PinnedSource> {
  const all = await matching(connection, request, place);
  const found = select(all, request);
  const files: PinnedFile[] = [];
  // Pinned before the files are inspected, so that a change in between is noticed when the file is read.
  await eachFile(found, async ({ path }, ord) => {
    request.signal.throwIfAborted();
    files[ord] = await (place.copies?.pin(path) ?? pinFile(path));
  });
  const sizes = await countIn(connection, request, all, place);
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
    index: await putIndex(connection, request, place, files.length, sizes.keyColumns),
    files: [],
  });
  const { copies } = place;
  return {
    ...sizes,
    fingerprints,
    files,
    ...(copies !== undefined && { filesOn: copies.uri }),
    pushDown: null,
    put,
  };
}

interface FoundFile {
  path: string;
  name: string;
  id: string;
}

/** The files that the run is for. */
function select(files: readonly { path: string; name: string }[], request: FilesRequest): FoundFile[] {
  const all = files.map((file) => ({ ...file, id: encodePartitionId([file.name]) }));
  const found = request.only === null ? all : narrow(all, request.only);
  if (found.length <= request.maxPartitions) return found;
  throw new Refusal('TooManyPartitions', [
    `${found.length.toLocaleString('en')} files match, more than maxPartitions (${request.maxPartitions.toLocaleString('en')}): ` +
      `narrow the pattern or raise options.maxPartitions (--max-partitions).`,
  ]);
}

async function matching(
  connection: DuckDBConnection,
  { source, allowEmpty, signal }: Pick<FilesRequest, 'source' | 'allowEmpty'> & { signal?: AbortSignal },
  { projectDir, confinement, copies }: FilesPlace,
): Promise<{ path: string; name: string }[]> {
  const folder = copies?.folder ?? resolve(projectDir, source.files);
  const listed = await globbed(connection, patternIn(folder, source));
  if (copies !== undefined) await copies.fetch(listed, signal);
  else if (confinement !== null) await refuseOutside(confinement, listed);
  const files = listed.map((path) => ({ path, name: relative(folder, path).split(sep).join('/') }));
  const refusal =
    files.length > 0
      ? null
      : copies === undefined
        ? await nothingMatches(connection, source, folder)
        : noObject(copies, source);
  if (refusal !== null && !(refusal.type === 'SourceEmpty' && allowEmpty === true)) throw refusal;
  return files;
}

/** Runners open the files themselves, so links that lead elsewhere are resolved here. */
async function refuseOutside(confinement: Confinement, listed: readonly string[]): Promise<void> {
  const problems: string[] = [];
  await eachFile(listed, (file) => {
    if (!isWithin(confinement, realpathSync.native(file))) problems.push(outside(file));
  });
  if (problems.length > 0) throw new Refusal('InvalidInput', problems);
}

function noObject({ uri }: StageCopies, source: FilesSource): Refusal {
  return new Refusal('SourceEmpty', [
    `No file below "${uri}" matches the pattern "${filesPattern(source)}". Check both; a pattern such as "**/*.parquet" also finds files in folders.`,
  ]);
}

async function nothingMatches(
  connection: DuckDBConnection,
  source: FilesSource,
  folder: string,
): Promise<Refusal> {
  const pattern = filesPattern(source);
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) {
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
  const { columns } = await columnsOfFiles(connection, [folder]);
  const known = columns.length === 0 ? '' : ` It has: ${columns.map(({ name }) => `"${name}"`).join(', ')}.`;
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
  const state = stateOf(path);
  return { path, ...state, sha256: await sha256OfFile(path, state) };
}
