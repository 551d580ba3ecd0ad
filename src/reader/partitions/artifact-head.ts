/** The beginning of an artifact, and its first rows if it is a table, without reading the rest. */
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { ArtifactRef } from '../../core/files';
import { showJson } from '../../core/json';
import { queryRows, userProblem } from '../../duckdb/database-file';
import { literal } from '../../duckdb/quote';
import type { Stage } from '../../stage';
import { NotATable } from '../errors';
import type { ArtifactHead, TablePreview } from '../partition-types';
import { artifactKind } from './artifact-kind';

const MAX_HEAD_BYTES = 1024 * 1024;
const DEFAULT_HEAD_BYTES = 64 * 1024;
const PREVIEW_ROWS = 200;
const MEMORY_BYTES = 256 * 1024 * 1024;
/** How much of a Parquet file may be read: its footer, and the groups of rows that have the first rows. */
const MAX_FOOTER_BYTES = 16 * 1024 * 1024;
const MAX_GROUP_BYTES = 64 * 1024 * 1024;
/** At the end of a Parquet file: the length of the footer, and `PAR1`. */
const TRAILER_BYTES = 8;

export async function artifactHead(
  stage: Stage,
  ref: ArtifactRef,
  bytes: number = DEFAULT_HEAD_BYTES,
): Promise<ArtifactHead> {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > MAX_HEAD_BYTES)
    throw new RangeError(`"bytes" is ${bytes}; it takes a whole number from 1 to ${MAX_HEAD_BYTES}.`);
  const checked = ref.bytes <= bytes;
  // Only the whole artifact can be compared with its digest.
  const content = Buffer.from(checked ? await stage.read(ref) : await readPart(stage, ref, 0, bytes));
  const { name, bytes: totalBytes, sha256 } = ref;
  return { name, totalBytes, sha256, kind: artifactKind(ref, content), content, checked };
}

/** Throws `NotATable`. */
export async function tablePreview(stage: Stage, ref: ArtifactRef): Promise<TablePreview> {
  const { kind, content, checked } = await artifactHead(stage, ref, MAX_HEAD_BYTES);
  if (kind !== 'csv' && kind !== 'parquet')
    throw new NotATable(ref.name, `it is ${kind}, not CSV or Parquet`);
  const folder = await mkdtemp(join(tmpdir(), 'partwise-'));
  const file = join(folder, `head.${kind}`);
  try {
    await writeFile(
      file,
      kind === 'csv' && !checked ? wholeRecords(ref.name, Buffer.from(content)) : content,
    );
    // Not imported at the top, because it loads DuckDB.
    const { openDatabase }: typeof import('../../duckdb/database') = require('../../duckdb/database');
    const database = await openDatabase({ memoryBytes: MEMORY_BYTES, tempFolder: folder });
    const connection = await database.connect();
    try {
      if (kind === 'parquet' && !checked) await fetchFirstRows(stage, ref, file, connection);
      const rows = await firstRows(connection, kind, file);
      const more = rows.rows.length > PREVIEW_ROWS || (kind === 'csv' && !checked);
      return { ...rows, rows: rows.rows.slice(0, PREVIEW_ROWS), more, checked };
    } catch (error) {
      const problem = userProblem(error);
      throw problem === null ? error : new NotATable(ref.name, problem.replaceAll(file, ref.name));
    } finally {
      connection.closeSync();
      database.closeSync();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function readPart(stage: Stage, ref: ArtifactRef, from: number, bytes: number): Promise<Uint8Array> {
  return stage.get(ref.path, { offset: ref.offset + from, bytes });
}

/** The complete records at the beginning of CSV: a line feed between quotation marks ends none. */
function wholeRecords(name: string, head: Buffer): Buffer {
  let end = 0;
  let isQuoted = false;
  for (let at = 0; at < head.length; at++) {
    const byte = head[at];
    if (byte === 0x22) isQuoted = !isQuoted;
    else if (byte === 0x0a && !isQuoted) end = at + 1;
  }
  if (end === 0) throw new NotATable(name, `its first record is longer than ${MAX_HEAD_BYTES} bytes`);
  return head.subarray(0, end);
}

async function firstRows(
  connection: DuckDBConnection,
  kind: 'csv' | 'parquet',
  file: string,
): Promise<Pick<TablePreview, 'columns' | 'rows'>> {
  const { columnsOf, rowsOf, shapeOf }: typeof import('../../rows/slices') = require('../../rows/slices');
  // A guessed type would show 00123 as 123.
  const reader =
    kind === 'csv' ? `read_csv(${literal(file)}, all_varchar = true)` : `read_parquet(${literal(file)})`;
  const result = await connection.stream(`SELECT * FROM ${reader} LIMIT ${PREVIEW_ROWS + 1}`);
  const shape = shapeOf(result, 0, 'exact');
  const rows = await rowsOf(result, shape);
  const values = rows.map((row) => shape.names.map((name) => row[name]));
  return { columns: columnsOf(shape), rows: JSON.parse(showJson(values)) as unknown[][] };
}

/**
 * Makes `file` a Parquet file of which only the footer and the first groups of rows are there; the rest is a
 * hole, which nothing reads.
 */
async function fetchFirstRows(
  stage: Stage,
  ref: ArtifactRef,
  file: string,
  connection: DuckDBConnection,
): Promise<void> {
  const target = await open(file, 'r+');
  try {
    const copy = async (from: number, bytes: number): Promise<Buffer> => {
      const content = Buffer.from(await readPart(stage, ref, from, bytes));
      await target.write(content, 0, content.length, from);
      return content;
    };
    const trailer = await copy(ref.bytes - TRAILER_BYTES, TRAILER_BYTES);
    const footer = trailer.readUInt32LE(0) + TRAILER_BYTES;
    if (trailer.toString('latin1', 4) !== 'PAR1' || footer > ref.bytes || footer > MAX_FOOTER_BYTES)
      throw new NotATable(ref.name, 'its end is not that of a Parquet file');
    await copy(ref.bytes - footer, footer);
    const groups = await queryRows<{ from: number; to: number; rows: number }>(
      connection,
      `SELECT min(least(data_page_offset, coalesce(nullif(dictionary_page_offset, 0), data_page_offset)))::DOUBLE AS "from",
              max(least(data_page_offset, coalesce(nullif(dictionary_page_offset, 0), data_page_offset)) + total_compressed_size)::DOUBLE AS "to",
              any_value(row_group_num_rows)::DOUBLE AS rows
         FROM parquet_metadata(${literal(file)}) GROUP BY row_group_id ORDER BY row_group_id`,
    );
    let rows = 0;
    let bytes = 0;
    for (const group of groups) {
      bytes += group.to - group.from;
      if (bytes > MAX_GROUP_BYTES)
        throw new NotATable(
          ref.name,
          `its first rows take more than ${MAX_GROUP_BYTES} bytes; download it instead`,
        );
      await copy(group.from, Math.min(group.to, ref.bytes) - group.from);
      rows += group.rows;
      if (rows > PREVIEW_ROWS) break;
    }
  } finally {
    await target.close();
  }
}
