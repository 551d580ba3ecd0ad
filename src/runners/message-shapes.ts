/** The shapes of what a runner sends. */
import { types } from 'node:util';
import { z } from 'zod';
import type { DoneBlock } from '../core/done-block';
import { artifactNameProblem } from '../functions/artifact-name';
import { recordOf } from '../input/explain-issues';
import { STREAMS } from './output-files';
import { decodeValue } from './tagged-values';

const MAX_TEXT = 2 ** 20;
/** A query may contain data that a function puts into it. */
const MAX_SQL = 128 * 1024 * 1024;

const text = z.string().max(MAX_TEXT);
const count = z.int().nonnegative();
const positive = z.int().positive();
const offsets = z.tuple([count, count]);
const time = text.refine((value) => !Number.isNaN(Date.parse(value)));
const codec = z.enum(['json', 'text', 'bytes', 'csv', 'parquet', 'custom']);
const artifactName = z.string().refine((name) => artifactNameProblem(name) === null);
const digest = z.string().regex(/^[\da-f]{64}$/);
const error = z.strictObject({ type: text, message: text, stack: text.nullable() });
export const artifact = z.union([
  z.tuple([artifactName, codec, count, count, digest]),
  z.tuple([artifactName, codec, count, count, digest, text]),
]);
const outcome = z.strictObject({
  ordinal: count,
  id: text,
  status: z.enum(['DONE', 'FAILED', 'CANCELLED', 'INTERNAL_ERROR']),
  attempts: positive,
  rows: count,
  startedAt: time,
  durationMs: z.number().nonnegative(),
  preview: text.nullable(),
  outputRows: count,
  error: error.nullable(),
  reused: z.literal(false),
});
const ended = z
  .strictObject({
    outcome,
    artifacts: z.array(artifact),
    retryable: z.boolean(),
    retryDelayMs: z.number().nonnegative().nullable(),
  })
  // Checked together: a failed outcome must have an error.
  .refine(
    ({ outcome: { status, error: why } }) => why !== null || status === 'DONE' || status === 'CANCELLED',
  );
const line = z.strictObject({
  at: time,
  ordinal: count.nullable(),
  attempt: positive.nullable(),
  stream: z.enum(STREAMS),
  text,
});
const query = { id: count, partitionId: text, attempt: positive };
const bind = z.union([z.string().max(MAX_SQL), z.number(), z.boolean(), z.null()]);

/**
 * JSON has no typed arrays, so `message-bytes` created this. Its numbers are checked separately, since there
 * are thousands.
 */
const block = z.custom<DoneBlock>((value) =>
  types.isInt32Array((value as Partial<DoneBlock> | null)?.ordinals),
);
/** What a runner sends while it has a unit. */
export const message = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('log'), lines: z.array(line) }),
  z.strictObject({ type: z.literal('printed'), call: count.nullable(), from: offsets, to: offsets }),
  z.strictObject({ type: z.literal('readOutput'), id: count }),
  z.strictObject({ type: z.literal('pong') }),
  z.strictObject({
    ...query,
    type: z.literal('upload'),
    ordinal: count,
    name: artifactName,
    file: text,
    codec,
  }),
  z.strictObject({ type: z.literal('room'), id: count, bytes: positive }),
  z.strictObject({
    type: z.literal('download'),
    id: count,
    name: artifactName,
    partition: text,
    run: text.nullable(),
  }),
  z.strictObject({ type: z.literal('model'), id: count, partition: text }),
  z.strictObject({
    ...query,
    type: z.literal('query'),
    sql: z.string().max(MAX_SQL),
    binds: z.array(bind),
    as: z.literal('file').optional(),
  }),
  z.strictObject({ ...query, type: z.literal('rows'), ordinal: count, rows: count }),
  z.strictObject({
    type: z.literal('heldOut'),
    id: count,
    ordinal: count,
    rows: count,
    file: text.nullable(),
  }),
  z.strictObject({ type: z.literal('cancelQueries'), ids: z.array(count) }),
  z.strictObject({ type: z.literal('heartbeat'), ordinal: count, progress: z.unknown() }),
  z.strictObject({
    type: z.literal('segment'),
    done: block.nullable(),
    outcomes: z.array(ended),
    rows: text.nullable(),
    pack: text.nullable(),
  }),
  z.strictObject({ type: z.literal('unitDone'), left: z.array(count), reusable: z.boolean() }),
  z.strictObject({ type: z.literal('unitFailed'), error, retryable: z.boolean() }),
]);

const described = z.strictObject({
  type: z.literal('functions'),
  functions: z.array(
    z.strictObject({
      name: text,
      // `parseFunctionSettings` checks these, with explanations.
      timeout: z.any().optional(),
      memory: z.any().optional(),
      gpus: z.any().optional(),
      retry: z.any().optional(),
      bigTaskQueue: z.any().optional(),
      output: recordOf(text).optional(),
      model: z.strictObject({ name: text, task: z.enum(['train', 'predict', 'fitPredict']) }).optional(),
    }),
  ),
  error: error.nullable(),
});

/** Returns null if it is not an answer to `describe`. */
export function describedFunctions(received: unknown): z.infer<typeof described> | null {
  try {
    const { functions } = received as { functions?: unknown };
    return described.parse({ ...(received as object), functions: decodeValue(functions) });
  } catch {
    return null;
  }
}

// A runner of another version may send more fields.
const ready = z.object({ type: z.literal('ready'), protocol: z.int() });

/** The version of the protocol that a runner speaks, or null if it is a different message. */
export function protocolOf(received: unknown): number | null {
  return ready.safeParse(received).data?.protocol ?? null;
}
