/**
 * Encodes messages as bytes that any language can read and write (docs/runner-protocol.md):
 *
 *   uint32   length of the header
 *   uint32   length of the body
 *   header   the message as JSON in UTF-8
 *   body     columns of a segment's `done`, one after the other; other messages have none
 *
 * Numbers are little-endian. Pure.
 */
import { isUtf8 } from 'node:buffer';
import type { DoneBlock } from '../core/done-block';
import type { FromRunner, ToRunner } from './protocol';

/** Size of one message, including the prefix. */
export const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;
/** Size of the two lengths. */
export const PREFIX_BYTES = 8;

/** In the order of the body: 8-byte columns first, so that each is aligned to its item size. */
const COLUMNS = ['startedAt', 'durationMs', 'ordinals', 'attempts', 'outputRows'] as const;
const BYTES_PER_PARTITION = 2 * 8 + 3 * 4;

/** The message completes "a message that …". */
export class UndecodableMessage extends Error {
  override name = 'UndecodableMessage';
}

export function encodeMessage(message: ToRunner | FromRunner): Buffer {
  const done = message.type === 'segment' ? message.done : null;
  const json = JSON.stringify(done === null ? message : { ...message, done: headOf(done) });
  const headerBytes = Buffer.byteLength(json);
  const bodyBytes = done === null ? 0 : done.ordinals.length * BYTES_PER_PARTITION;
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + headerBytes + bodyBytes);
  bytes.writeUInt32LE(headerBytes, 0);
  bytes.writeUInt32LE(bodyBytes, 4);
  let at = PREFIX_BYTES + bytes.write(json, PREFIX_BYTES);
  for (const name of done === null ? [] : COLUMNS) {
    const { buffer, byteOffset, byteLength } = done![name];
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return bytes;
}

/** Returns the header's JSON with the body's columns in place. Throws `UndecodableMessage`. */
export function decodeMessage(header: Buffer, body: Buffer): unknown {
  const message = parse(header);
  const partitions = partitionsOf(message);
  if (body.length !== (partitions ?? 0) * BYTES_PER_PARTITION)
    throw new UndecodableMessage('has a body whose length does not match its header');
  if (partitions === null) return message;
  const segment = message as { done: { artifacts?: DoneBlock['artifacts'] } };
  return { ...segment, done: blockOf(partitions, segment.done.artifacts ?? null, body) };
}

function headOf({ ordinals, artifacts }: DoneBlock): object {
  return { partitions: ordinals.length, artifacts };
}

function parse(header: Buffer): unknown {
  try {
    // Otherwise invalid UTF-8 would be replaced silently.
    if (isUtf8(header)) return JSON.parse(header.toString('utf8')) as unknown;
  } catch {
    // Handled like invalid UTF-8.
  }
  throw new UndecodableMessage('is not JSON in UTF-8');
}

/** Number of outcomes in the body's columns, or null if the message has none. */
function partitionsOf(message: unknown): number | null {
  if (typeof message !== 'object' || message === null) return null;
  const { type, done } = message as { type?: unknown; done?: unknown };
  if (type !== 'segment' || typeof done !== 'object' || done === null) return null;
  const { partitions } = done as { partitions?: unknown };
  return Number.isSafeInteger(partitions) && (partitions as number) >= 0 ? (partitions as number) : null;
}

function blockOf(length: number, artifacts: DoneBlock['artifacts'], body: Buffer): DoneBlock {
  // A copy, because typed arrays must be aligned, and a view would keep the whole frame in memory.
  const { buffer } = Uint8Array.from(body);
  const floats = (column: number): Float64Array => new Float64Array(buffer, column * 8 * length, length);
  const integers = (column: number): Int32Array =>
    new Int32Array(buffer, 16 * length + column * 4 * length, length);
  return {
    startedAt: floats(0),
    durationMs: floats(1),
    ordinals: integers(0),
    attempts: integers(1),
    outputRows: integers(2),
    artifacts,
    pack: null,
  };
}
