/** What the API answers: compressed, and errors as sentences. */
import { gzipSync } from 'node:zlib';
import type { Context } from 'hono';
import { showJson } from '../core/json';
import type { ErrorAnswer } from './wire/types';

/** Smaller answers gain nothing from compression. */
const COMPRESSED_FROM = 1_024;

/** Level 1: planes are long runs of equal bytes, for which more effort gains little. */
const LEVEL = 1;

export function binary(
  context: Context,
  bytes: Uint8Array,
  type = 'application/octet-stream',
  headers: Readonly<Record<string, string>> = {},
): Response {
  const all = { ...headers, 'content-type': type };
  const accepts = /\bgzip\b/.test(context.req.header('accept-encoding') ?? '');
  if (!accepts || bytes.length < COMPRESSED_FROM)
    return context.body(bytes as Uint8Array<ArrayBuffer>, 200, all);
  return context.body(compressed(bytes), 200, {
    ...all,
    'content-encoding': 'gzip',
    vary: 'accept-encoding',
  });
}

/** By what they were made of: an answer that several pages get is compressed once. */
const made = new WeakMap<Uint8Array, Uint8Array<ArrayBuffer>>();

/** `level` counts when these bytes are compressed for the first time. */
export function compressed(bytes: Uint8Array, level = LEVEL): Uint8Array<ArrayBuffer> {
  const known = made.get(bytes) ?? (gzipSync(bytes, { level }) as Uint8Array<ArrayBuffer>);
  made.set(bytes, known);
  return known;
}

export function json(context: Context, value: unknown): Response {
  return jsonBytes(context, bytesOf(value));
}

export function jsonBytes(context: Context, bytes: Uint8Array): Response {
  return binary(context, bytes, 'application/json');
}

/** As JSON. */
export function bytesOf(value: unknown): Uint8Array {
  return Buffer.from(showJson(value ?? null, 0));
}

/** A request that cannot be understood. */
export class BadRequest extends Error {
  override name = 'BadRequest';
}

/** HTTP status by the library's class of error; others are 500. */
const STATUSES: Readonly<Record<string, 400 | 404 | 409>> = {
  BadRequest: 400,
  RangeError: 400,
  NoSuchRun: 404,
  NoSuchPartition: 404,
  NoSuchArtifact: 404,
  NoSuchSchedule: 404,
  NoResults: 404,
  StartRefused: 409,
  UpdateRefused: 409,
  ScheduleRefused: 409,
  RegistryConflict: 409,
  RegistryRefused: 409,
  RunEnded: 409,
  ServerNeeded: 409,
  CannotArchive: 409,
  CannotCompare: 409,
  NotATable: 409,
  CleanRefused: 409,
  UnreadableHistory: 409,
};

export function errorAnswer(context: Context, error: unknown): Response {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return context.json({ error: { type: name, message } } satisfies ErrorAnswer, STATUSES[name] ?? 500);
}
