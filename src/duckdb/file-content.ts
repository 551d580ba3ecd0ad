/**
 * Refuses files that DuckDB would read in part, or about which its errors say something else: it takes what a
 * compressed file has before it breaks off for all of it.
 */
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip, gunzipSync } from 'node:zlib';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { FileFormat } from '../core/file-format';
import { Refusal } from '../core/refusal';
import { eachFile } from '../files/small-files';
import { pathList } from './file-reader';

/** Throws a `Refusal` with all files that are damaged, or have other content than their names say. */
export async function refuseDamaged(
  connection: DuckDBConnection,
  paths: readonly string[],
  format: FileFormat,
): Promise<void> {
  if (format === 'parquet') return;
  // Fails for a file that the confinement does not allow, before messages say what is in it. Only sizes are
  // read.
  await connection.run(`SELECT sum(size) FROM read_blob(${pathList(paths)})`);
  const found: (string | null)[] = [];
  await eachFile(paths, async (path, i) => {
    const problem = await problemOf(path, format);
    found[i] = problem === null ? null : `The file "${path}" ${problem}`;
  });
  const problems = found.filter((problem) => problem !== null);
  if (problems.length > 0) throw new Refusal('InvalidInput', problems);
}

/** How the compressions that file names may end with are recognized. */
const COMPRESSIONS = [
  { name: 'gzip', ending: '.gz', begins: /^1f8b/, problem: gzipProblem },
  { name: 'zstd', ending: '.zst', begins: /^(28b52ffd|5.2a4d18)/, problem: zstdProblem },
];

/** As the end of a sentence, or null. */
async function problemOf(path: string, format: FileFormat): Promise<string | null> {
  const first = firstBytes(path, 4);
  if (first.length === 0) return null;
  const named = COMPRESSIONS.find(({ ending }) => path.toLowerCase().endsWith(ending));
  const found = COMPRESSIONS.find(({ begins }) => begins.test(first.toString('hex')));
  if (found !== named) {
    return named === undefined
      ? `is compressed with ${found!.name}, which its name does not say: rename it to end with "${found!.ending}".`
      : `is not compressed with ${named.name}, as its name says: rename it, or compress it.`;
  }
  const problem = named === undefined ? null : await compressionProblem(named, path);
  if (problem !== null || format !== 'json' || !/^\uFEFF\s*\[/.test(firstText(path))) return problem;
  return (
    'begins with a byte order mark, so DuckDB does not find the list in it: save it without one, ' +
    `or use a query: query:SELECT * FROM read_json('${path}', format = 'array').`
  );
}

async function compressionProblem(
  { problem }: (typeof COMPRESSIONS)[number],
  path: string,
): Promise<string | null> {
  const file = await open(path, 'r');
  try {
    return await problem(path, file);
  } finally {
    await file.close();
  }
}

const CUT_OFF = 'breaks off before its end: copy or write it again.';
const damaged = (how: string): string => `is damaged (${how}): copy or write it again.`;

async function gzipProblem(path: string, file: FileHandle): Promise<string | null> {
  const gunzip = createGunzip();
  const nowhere = new Writable({ write: (_, __, done) => done() });
  try {
    await pipeline(createReadStream(path), gunzip, nowhere);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') return CUT_OFF;
    if (code?.startsWith('Z_') === true) return damaged(message);
    throw error;
  }
  return gunzip.bytesWritten < (await file.stat()).size ? damaged('bytes follow its end') : null;
}

/** Zstandard's magic number of a frame of data; skippable frames have others. */
const FRAME = 0xfd2fb528;
const FIELD_BYTES = { dictionary: [0, 1, 2, 4], size: [0, 2, 4, 8] } as const;
const RLE_BLOCK = 1;

/** Follows frames and blocks (RFC 8878, section 3.1) to the end, without decompressing them. */
async function zstdProblem(_: string, file: FileHandle): Promise<string | null> {
  const { size } = await file.stat();
  let at = 0;
  while (at < size) {
    const header = await bytesAt(file, at, 8);
    if (header.length < 8) return CUT_OFF;
    const magic = header.readUInt32LE();
    if (magic >>> 4 === 0x184d2a5) {
      at += 8 + header.readUInt32LE(4);
      continue;
    }
    if (magic !== FRAME) return damaged('bytes follow its end');
    const descriptor = header[4]!;
    const isSingle = (descriptor & 0x20) !== 0;
    const sizeBytes = FIELD_BYTES.size[descriptor >> 6]! || (isSingle ? 1 : 0);
    at += 5 + (isSingle ? 0 : 1) + FIELD_BYTES.dictionary[descriptor & 3]! + sizeBytes;
    for (let isLast = false; !isLast;) {
      const block = await bytesAt(file, at, 3);
      if (block.length < 3) return CUT_OFF;
      const bits = block.readUIntLE(0, 3);
      isLast = (bits & 1) === 1;
      at += 3 + (((bits >> 1) & 3) === RLE_BLOCK ? 1 : bits >> 3);
    }
    at += (descriptor & 4) === 0 ? 0 : 4;
  }
  return at > size ? CUT_OFF : null;
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** How much of a file `firstText` reads. */
export const FIRST_BYTES = 4_096;

/** The beginning of a file's text. */
export function firstText(path: string): string {
  const first = firstBytes(path, FIRST_BYTES);
  // Not all of it is there, so there is no end to check.
  const text = /\.gz$/i.test(path) ? gunzipSync(first, { finishFlush: constants.Z_SYNC_FLUSH }) : first;
  return text.toString();
}

/** At once, because waiting for the system's threads takes longer than the few bytes. */
function firstBytes(path: string, count: number): Buffer {
  const bytes = Buffer.alloc(count);
  const file = openSync(path, 'r');
  try {
    return bytes.subarray(0, readSync(file, bytes, 0, count, 0));
  } finally {
    closeSync(file);
  }
}
