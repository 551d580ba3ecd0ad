/** The schema of a configuration file. The error text of every setting completes "it takes …". */
import { z } from 'zod';
import { explainIssues, fields, recordOf } from '../input/explain-issues';
import { functionsSchema, PYTHON } from '../input/input-schema';
import type { DataConverter } from '@temporalio/common';
import { STAGE_EXAMPLES } from '../stage';
import { isWarehouse, WAREHOUSE_EXAMPLES } from '../warehouse';
import type { KeySource } from '../trust/payload-keys';
import type { PartwiseConfig } from './define';

function text(takes: string) {
  return z.string({ error: takes }).refine((value) => value.trim() !== '', { error: takes });
}

const RUNNERS = 'a whole number from 1 to 256';

export const runnersSchema = z
  .int({ error: RUNNERS })
  .min(1, { error: RUNNERS })
  .max(256, { error: RUNNERS });
const GPUS = '"auto", a number of GPUs, or a list of ids, such as ["0", "1"]';
const gpusSchema = z.union(
  [z.literal('auto'), z.int().min(1).max(64), z.array(z.string().regex(/^[\w-]+$/)).min(1)],
  { error: GPUS },
);
const METRICS = 'a port, such as "9464", or a host and port, such as "0.0.0.0:9464"';
export const metricsSchema = z
  .string({ error: METRICS })
  .regex(/^([^:\s]+:|\[[\da-f:]+\]:)?\d{1,5}$/i, { error: METRICS });
const VARIABLES = 'a list of names of environment variables, such as ["AWS_ACCESS_KEY_ID"]';
const TRACES = 'the URL of a collector, such as "http://127.0.0.1:4318/v1/traces"';
export const tracesSchema = z.url({ protocol: /^https?$/, error: TRACES });
export const warehouseSchema = text(WAREHOUSE_EXAMPLES).refine(isWarehouse, {
  error: WAREHOUSE_EXAMPLES,
  when: ({ value, issues }) => typeof value === 'string' && issues.length === 0,
});

const EXTENSION = 'the name of a DuckDB extension, such as "httpfs"';
const extensionSchema = z.string({ error: EXTENSION }).regex(/^\w+$/, { error: EXTENSION });

/** As a sentence of its own: the usual one would quote the value, which a mistake may have put a key into. */
const KEYS =
  '"temporal.encryption.keys" takes a list of keys, the first of which encrypts: { id: "2026-11", env: "PARTWISE_KEY_2026_11" } or { id: "2026-11", command: "…" }. ' +
  'Ids differ and have up to 64 letters, digits, ".", "-" and "_"; the name of the variable starts with PARTWISE_KEY, so that functions do not get it. The key itself does not belong in the configuration.';
const keyId = z.string().regex(/^[\w.-]{1,64}$/);
const keysSchema = z
  .array(
    z.union([
      z.strictObject({ id: keyId, env: z.string().regex(/^PARTWISE_KEY(_\w+)?$/) }),
      z.strictObject({ id: keyId, command: z.string().min(1) }),
    ]),
  )
  .min(1)
  .refine((keys) => new Set(keys.map(({ id }) => id)).size === keys.length);
const encryptionSchema = fields('an object such as { keys: [{ id: "2026-11", env: "PARTWISE_KEY" }] }', {
  keys: z.custom<KeySource[]>((value) => keysSchema.safeParse(value).success, {
    error: KEYS,
    params: { sentence: true },
  }),
});

const temporalSchema = fields('an object such as { address: "localhost:7233" }', {
  address: text('the host and port of a server, such as "localhost:7233"').optional(),
  profile: text("the name of a profile in Temporal's configuration file").optional(),
  namespace: text('the name of a namespace').optional(),
  taskQueue: text('the name of a task queue').optional(),
  apiKey: text('an API key').optional(),
  tls: z.boolean({ error: 'true or false' }).optional(),
  binary: text('the path of a Temporal CLI binary').optional(),
  dataConverter: z
    .custom<DataConverter>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), {
      error: "one of Temporal's data converters, an object",
    })
    .optional(),
  encryption: encryptionSchema.optional(),
});

const NOTIFIER = 'an object with "url" or "command", such as { command: "./mail.sh" }';
const notifierSchema = z.union(
  [
    z.strictObject({
      url: z.url({ protocol: /^https?$/, error: 'a URL that starts with https:// or http://' }),
      headers: recordOf(z.string()).optional(),
    }),
    z.strictObject({ command: z.string().min(1) }),
  ],
  { error: NOTIFIER },
);

const STATEMENTS = 'a list of SQL statements, such as ["LOAD spatial"]';

const configSchema = fields('an object such as { warehouse: "duckdb:./warehouse.duckdb" }', {
  functions: functionsSchema.optional(),
  python: text(PYTHON).optional(),
  warehouse: warehouseSchema.optional(),
  stage: text(STAGE_EXAMPLES).optional(),
  duckdb: fields('an object such as { setup: ["LOAD spatial"] }', {
    setup: z.array(text(STATEMENTS), { error: STATEMENTS }).optional(),
  }).optional(),
  temporal: temporalSchema.optional(),
  worker: fields('an object such as { runners: 4 }', {
    runners: runnersSchema.optional(),
    gpus: gpusSchema.optional(),
    metrics: metricsSchema.optional(),
    traces: tracesSchema.optional(),
    passEnv: z.array(text(VARIABLES), { error: VARIABLES }).optional(),
  }).optional(),
  notify: recordOf(notifierSchema, 'an object of notifiers by name').optional(),
  allow: fields('an object such as { warehouses: ["duckdb:./other.duckdb"] }', {
    warehouses: z.array(warehouseSchema, { error: 'a list of warehouses' }).optional(),
    stages: z.array(text(STAGE_EXAMPLES), { error: 'a list of stages' }).optional(),
    files: z.array(text('a folder, such as "./data"'), { error: 'a list of folders' }).optional(),
    extensions: z
      .array(extensionSchema, { error: 'a list of DuckDB extensions, such as ["httpfs"]' })
      .optional(),
  }).optional(),
});

/** A name as `pyproject.toml` has it. */
export function snakeCase(name: string): string {
  return name.replace(
    /([a-z])([A-Z])/g,
    (_, before: string, letter: string) => `${before}_${letter.toLowerCase()}`,
  );
}

/** Validates the export of a configuration file. `spell`: how that file spells a setting. */
export function checkConfig(
  raw: unknown,
  spell: (name: string) => string = (name) => name,
): { config: PartwiseConfig; problems: string[] } {
  const result = configSchema.safeParse(raw);
  if (result.success) return { config: result.data, problems: [] };
  const problems = explainIssues(result.error.issues, raw, 'The configuration').map((problem) =>
    problem.replace(/^"[\w.]+"|\b(taskQueue|apiKey|dataConverter|passEnv)\b/g, spell),
  );
  // Kept, so that the same report can also contain a missing functions file.
  const functions = (raw as { functions?: unknown } | null | undefined)?.functions;
  return {
    config: functionsSchema.safeParse(functions).success ? { functions: functions as string } : {},
    problems,
  };
}
