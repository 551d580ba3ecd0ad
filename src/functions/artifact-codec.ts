/** Encodes the values of artifacts as bytes, and decodes them. */
import { tmpdir } from 'node:os';
import type { ArtifactCodec } from '../core/files';
import { describe } from '../core/quote';
import { InvalidArtifact } from './errors';
import { encodeJson, WHY_NO_SURROGATE } from '../core/json';
import type { ArtifactWriter } from './types';
import type { Row } from '../core/row';
import { InvalidResult } from '../rows/invalid-result';

interface Encoded {
  bytes: Uint8Array;
  codec: ArtifactCodec;
}

/**
 * Copies the value before the first wait, so the caller may change it afterwards even without awaiting.
 * Throws `InvalidArtifact` for a value that cannot be written. `scratch` is a folder for temporary files.
 */
export async function encodeArtifact<T>(
  name: string,
  value: T,
  write: ArtifactWriter<T> | undefined,
  scratch: string,
): Promise<Encoded> {
  if (write !== undefined) {
    let written: unknown = write(value);
    // Bytes that are available already are copied before any wait.
    if (!(written instanceof Uint8Array)) written = await written;
    if (typeof written === 'string') return { bytes: utf8(name, written), codec: 'custom' };
    if (written instanceof Uint8Array) return { bytes: new Uint8Array(written), codec: 'custom' };
    throw new InvalidArtifact(
      `The write function of artifact "${name}" returned ${describe(written)}. Return a string or a Uint8Array.`,
    );
  }
  if (typeof value === 'string') return { bytes: utf8(name, value), codec: 'text' };
  if (value instanceof Uint8Array) return { bytes: new Uint8Array(value), codec: 'bytes' };
  const codec = rowsCodecOf(name);
  if (codec !== null) return { bytes: await encodeRows(name, value, codec, scratch), codec };
  // Text files end in a line feed.
  return { bytes: Buffer.from(`${encodeJson(value, `The artifact "${name}"`, 2)}\n`), codec: 'json' };
}

function utf8(name: string, text: string): Uint8Array {
  if (text.isWellFormed()) return Buffer.from(text);
  throw new InvalidArtifact(`The artifact "${name}" contains a lone surrogate${WHY_NO_SURROGATE}`);
}

/** What a custom `write` encoded stays bytes. */
export async function decodeArtifact(
  bytes: Uint8Array,
  codec: ArtifactCodec,
  scratch: string = tmpdir(),
): Promise<unknown> {
  switch (codec) {
    case 'json':
      return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown;
    case 'text':
      return Buffer.from(bytes).toString('utf8');
    case 'csv':
    case 'parquet': {
      const { rowsInBytes }: typeof import('../rows/rows-file') = require('../rows/rows-file');
      return rowsInBytes(bytes, codec, scratch);
    }
    case 'bytes':
    case 'custom':
      return bytes;
  }
}

function rowsCodecOf(name: string): 'csv' | 'parquet' | null {
  const [, ending] = /\.(csv|parquet)$/i.exec(name) ?? [];
  return ending === undefined ? null : (ending.toLowerCase() as 'csv' | 'parquet');
}

async function encodeRows(
  name: string,
  value: unknown,
  codec: 'csv' | 'parquet',
  scratch: string,
): Promise<Uint8Array> {
  const rows: unknown[] = Array.isArray(value) ? value : [value];
  const other = rows.find((row) => Object.prototype.toString.call(row) !== '[object Object]');
  if (other !== undefined || value === undefined) {
    throw new InvalidArtifact(
      `The artifact "${name}" cannot be written from ${describe(other)}. ` +
        `Pass rows (an array of objects), the content of the file as a string or bytes, or the option "write".`,
    );
  }
  try {
    // Loaded when needed: it loads DuckDB, which other artifacts do not need.
    const { writeRows }: typeof import('../rows/rows-file') = require('../rows/rows-file');
    return await writeRows(rows as Row[], codec, scratch);
  } catch (error) {
    if (!(error instanceof InvalidResult)) throw error;
    throw new InvalidArtifact(`The artifact "${name}" cannot be written: ${error.message}`);
  }
}
