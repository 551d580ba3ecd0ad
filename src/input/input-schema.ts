/**
 * The schema of `RunInput`. The error text of every field completes "it takes …". `null` means the same as
 * absent.
 */
import { z } from 'zod';
import { parseBytes } from './bytes';
import { parseDuration } from './duration';
import { alternatives, CHOICES } from '../core/choices';
import { MAX_CONCURRENCY } from '../core/live-settings';
import { parsePeriod, timeZoneName } from './zoned-time';
import { hasOutputEnding, isOutputFile, OUTPUT_ENDINGS } from './output-target';
import { runIdProblem } from './run-id';
import { addSentence, fields, parsed, recordOf } from './explain-issues';
import { isObject } from '../core/json';
import { RANGES, rangesProblem } from '../core/ordinal-ranges';
import { isModelName } from '../core/function-description';
import { quote } from '../core/quote';
import { tableNameProblem } from '../core/table-name';
import { asTolerance, TOLERANCE } from '../core/failures/tolerance';
import { STAGE_EXAMPLES } from '../stage';
import { isWarehouse, WAREHOUSE_EXAMPLES, WAREHOUSE_OPTIONS } from '../warehouse';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** Node and DuckDB need about half of this themselves. */
const MIN_MEMORY = 128 * 2 ** 20;

/** The rules are part of the plan, which is recorded in history (I7). */
const MAX_RULES = 50;
/** See `isRetryable` of functions/errors. */
const NEVER_RETRIED = ['ReferenceError', 'SyntaxError'];

export function text(takes: string) {
  return z
    .string({ error: takes })
    .refine((value) => value.trim() !== '' && !value.includes('\0'), { error: takes });
}

const FUNCTIONS = 'the path of a functions file, such as "./functions.ts", or a list of paths';

/** Of an input or a configuration. */
export const functionsSchema = z.union(
  [text(FUNCTIONS), z.array(text(FUNCTIONS)).min(1, { error: FUNCTIONS })],
  {
    error: FUNCTIONS,
  },
);
export const PYTHON = 'the path of a Python interpreter, such as "./.venv/bin/python"';

/** A string that `check` accepts. A value that is not a string is reported only once. */
function checkedText(takes: string, check: (value: string) => boolean) {
  return text(takes).refine(check, { error: takes, when: isText });
}

function whole(from: number, to: number) {
  const takes =
    to === Number.MAX_SAFE_INTEGER
      ? `a whole number, ${from} or more`
      : `a whole number from ${from.toLocaleString('en')} to ${to.toLocaleString('en')}`;
  return z.int({ error: takes }).min(from, { error: takes }).max(to, { error: takes });
}

export function duration(takes: string, bounds: { min?: number; max?: number }) {
  const phrase = `a duration ${takes}, such as "90s", "15m" or "2h" (a number means milliseconds)`;
  return parsed(z.union([z.string(), z.number()], { error: phrase }), phrase, parseDuration, bounds);
}

/** One of the `CHOICES`. */
export function choice<const Word extends string>(words: readonly Word[]) {
  return z.enum(words, { error: alternatives(words) });
}

export const timeZoneSchema = checkedText(
  'an IANA time zone, such as "Europe/Berlin" or "UTC"',
  (value) => timeZoneName(value) !== null,
);

const ruleShape = {
  maximumAttempts: whole(1, 100).nullish(),
  initialInterval: duration('up to a day', { max: DAY }).nullish(),
  backoffCoefficient: z
    .number({ error: 'a number from 1 to 100' })
    .min(1, { error: 'a number from 1 to 100' })
    .max(100, { error: 'a number from 1 to 100' })
    .nullish(),
  maximumInterval: duration('up to a day', { max: DAY }).nullish(),
};

const RULES =
  'an object of rules by the class name of errors, such as { "RateLimited": { "maximumAttempts": 10 } }';

const retrySchema = fields('an object such as { "maximumAttempts": 3 }', {
  ...ruleShape,
  byErrorType: recordOf(fields('an object such as { "maximumAttempts": 10 }', ruleShape), RULES).nullish(),
  nonRetryableErrorTypes: z
    .array(text('the class name of an error, such as "BadInvoice"'), {
      error: 'a list of class names of errors',
    })
    .nullish(),
}).superRefine(({ byErrorType, nonRetryableErrorTypes }, context) => {
  const ruled = Object.keys(byErrorType ?? {});
  if (ruled.length > MAX_RULES) {
    addSentence(context, `"byErrorType" has ${ruled.length} rules; it takes at most ${MAX_RULES}.`);
  }
  for (const type of ruled) {
    if (nonRetryableErrorTypes?.includes(type)) {
      addSentence(
        context,
        `"byErrorType" and "nonRetryableErrorTypes" both name "${type}". Name it in one of them.`,
      );
    }
    if (NEVER_RETRIED.includes(type)) {
      addSentence(
        context,
        `"byErrorType" has a rule for "${type}", which is a bug in the code and never retried. Remove the rule.`,
      );
    }
  }
});

const timeoutSchema = duration('up to 30 days', { max: 30 * DAY });

const MEMORY = 'a size of at least 128MB, such as "512MB" or "2GB"';
const memorySchema = parsed(z.string({ error: MEMORY }), MEMORY, parseBytes, { min: MIN_MEMORY });

const GPUS = 'a whole number from 1 to 64, or the share of one GPU, such as 0.5';
const gpusSchema = z
  .number({ error: GPUS })
  .refine((gpus) => gpus > 0 && gpus <= 64 && (gpus < 1 || Number.isInteger(gpus)), { error: GPUS });

const tolerance = z.union([z.string(), z.number()], { error: TOLERANCE }).transform((value, context) => {
  const known = asTolerance(value);
  if (known !== null) return known;
  context.addIssue({ code: 'custom', message: TOLERANCE });
  return z.NEVER;
});

const optionsSchema = fields('an object such as { "maxConcurrency": 8 }', {
  maxConcurrency: whole(1, MAX_CONCURRENCY).nullish(),
  toleratedFailures: tolerance.nullish(),
  failFast: z.boolean({ error: 'true or false' }).nullish(),
  runTimeout: duration('from 1s to 365 days', { min: 1000, max: 365 * DAY }).nullish(),
  retry: retrySchema.nullish(),
  timeout: timeoutSchema.nullish(),
  memory: memorySchema.nullish(),
  heartbeatTimeout: duration('from 3s to 1h', { min: 3000, max: 60 * MINUTE }).nullish(),
  maxPartitions: whole(1, 10_000_000).nullish(),
  allowEmpty: z.boolean({ error: 'true or false' }).nullish(),
  partitionsPerUnit: whole(1, 10_000_000).nullish(),
  warehouse: fields(
    `an object of warehouse settings: ${WAREHOUSE_OPTIONS.map(({ name }) => name).join(', ')}`,
    Object.fromEntries(WAREHOUSE_OPTIONS.map(({ name, takes }) => [name, text(takes).nullish()])),
  ).nullish(),
});

export const functionSettingsSchema = fields('an object', {
  timeout: timeoutSchema.nullish(),
  memory: memorySchema.nullish(),
  gpus: gpusSchema.nullish(),
  retry: retrySchema.nullish(),
  bigTaskQueue: text('the name of a task queue, such as "big"')
    .max(200, { error: 'the name of a task queue, at most 200 characters' })
    .nullish(),
});

const SOURCE = 'an object with one of "table", "query" and "files", such as { "table": "sales" }';
const sourceSchema = fields(SOURCE, {
  table: text('the name of a table or view, such as "sales" or "main.sales"').nullish(),
  query: text('a SELECT statement').nullish(),
  files: text(
    'a path or glob below the project folder, such as "sales/*.csv", or a place such as "s3://bucket/sales"',
  ).nullish(),
  pattern: text('a glob below the folder "files", such as "*.csv"').nullish(),
  types: recordOf(
    text('the name of a type, such as "VARCHAR"'),
    'an object of types by column, such as { "zip": "VARCHAR" }',
  ).nullish(),
}).superRefine((source, context) => {
  const named = source.table == null ? null : tableNameProblem('source.table', source.table, 'read');
  if (named !== null) addSentence(context, named);
  const given = [source.table, source.query, source.files].filter((part) => part != null).length;
  if (given !== 1) {
    const how = given === 0 ? 'does not name any rows' : 'names rows in more than one place';
    addSentence(context, `"source" ${how}: give exactly one of "table", "query" and "files".`);
  }
  if (source.pattern != null && source.files == null && given > 0) {
    addSentence(context, '"source.pattern" goes with "source.files" only. Remove it.');
  }
  if (source.types != null && source.files == null && given > 0) {
    addSentence(
      context,
      '"source.types" goes with "source.files" only: the columns of tables and queries have types. Remove it.',
    );
  }
});

const MODEL_NAME =
  'the name of a model, such as "traffic": letters, digits, "_" and "-", at most 80 characters';

const VERSION = 'the number of a version, such as 3, or an alias, such as "production"';
const versionSchema = z.union([whole(1, Number.MAX_SAFE_INTEGER), text(VERSION)], { error: VERSION });

const modelSchema = fields('an object such as { "name": "traffic", "version": "production" }', {
  name: checkedText(MODEL_NAME, isModelName).nullish(),
  version: versionSchema.nullish(),
  run: text('the id of a training run').nullish(),
  onMissing: choice(CHOICES.onMissing).nullish(),
  fallback: text('a partition id, such as "North"').nullish(),
  keep: z
    .array(text('the name of a column'), { error: 'a list of column names, such as ["hour"]' })
    .nullish(),
  holdout: text('an SQL condition, such as "day >= \'2024-03-01\'"').nullish(),
}).superRefine((model, context) => {
  if (model.name != null && model.run != null) {
    addSentence(
      context,
      '"model" names both a model of the registry and a training run: give exactly one of "name" and "run".',
    );
  }
  if (model.version != null && model.name == null) {
    addSentence(context, '"model.version" requires "model.name": give the name of the model.');
  }
  if ((model.onMissing === 'fallback') !== (model.fallback != null)) {
    addSentence(
      context,
      '"model.fallback", the partition whose model to use instead, goes with "model.onMissing": "fallback". Give both or neither.',
    );
  }
});

const OUTPUT_FILE = `a path that ends in ${OUTPUT_ENDINGS.join(' or ')}`;
const OUTPUT = 'an object such as { "table": "summary" } or { "file": "summary.parquet" }';
const outputSchema = fields(OUTPUT, {
  table: text('the name of a table').nullish(),
  mode: choice(CHOICES.mode).nullish(),
  evolve: z.boolean({ error: 'true or false' }).nullish(),
  file: text(OUTPUT_FILE).nullish(),
  model: checkedText(MODEL_NAME, isModelName).nullish(),
  base: versionSchema.nullish(),
}).superRefine((output, context) => {
  if (output.model != null) {
    if (output.table != null || output.file != null || output.mode != null || output.evolve != null) {
      addSentence(
        context,
        '"output" names both a model and a table or file. Models are registered, and their metrics are the run\'s results: remove the other settings.',
      );
    }
    return;
  }
  if (output.base != null) addSentence(context, '"output.base" goes with "output.model" only. Remove it.');
  if (output.table == null && output.file == null) {
    addSentence(
      context,
      '"output" does not name a target: give "table", such as "summary", or "file", such as "summary.parquet".',
    );
  }
  if (output.table != null && output.file != null) {
    addSentence(context, '"output" names both a table and a file: give exactly one of "table" and "file".');
  }
  if (output.table != null && isOutputFile(output.table)) {
    addSentence(
      context,
      `"output.table" is ${quote(output.table)}, which is the name of a file: give ${OUTPUT_FILE} as "output.file", or a table's name.`,
    );
  } else if (output.table != null) {
    const named = tableNameProblem('output.table', output.table, 'write');
    if (named !== null) addSentence(context, named);
  }
  if (output.file == null) return;
  if (!hasOutputEnding(output.file)) {
    addSentence(context, `"output.file" is ${quote(output.file)}; it takes ${OUTPUT_FILE}.`);
  }
  if ((output.mode != null && output.mode !== 'replace') || output.evolve != null) {
    addSentence(
      context,
      'An output file is always replaced: "output.mode" and "output.evolve" apply only to a table. Remove them.',
    );
  }
});

/** Whether a value of `onExisting` means retry. Inputs recorded before 0.1.0 contain `resume`. */
export function asksToRetry(onExisting: unknown): boolean {
  return onExisting === 'retry' || onExisting === 'resume';
}

export const inputSchema = fields(
  'an object such as { "function": "salesByRegion", "source": …, "partitionBy": ["region"] }',
  {
    function: text('the name of a partition function, such as "salesByRegion"'),
    source: sourceSchema,
    partitionBy: z
      .array(text('the name of a column'), { error: 'a list of column names, such as ["region"]' })
      .nullish(),
    warehouse: checkedText(WAREHOUSE_EXAMPLES, isWarehouse).nullish(),
    stage: text(STAGE_EXAMPLES).nullish(),
    functions: functionsSchema.nullish(),
    python: text(PYTHON).nullish(),
    // Not a record, which would leave out a parameter named __proto__.
    params: z
      .custom<Record<string, unknown>>(isObject, { error: 'an object, such as { "currency": "EUR" }' })
      .nullish(),
    sql: text('a query over the view data, such as "SELECT count(*) AS n FROM data"').nullish(),
    where: text(`an SQL condition, such as "amount > 0"`).nullish(),
    snapshot: choice(CHOICES.snapshot).nullish(),
    only: z
      .array(text('a partition id, such as "North"'), { error: 'a list of partition ids, such as ["North"]' })
      .min(1, { error: 'at least one partition id (omit it to run all)' })
      .nullish(),
    output: outputSchema.nullish(),
    model: modelSchema.nullish(),
    onExisting: z.preprocess(
      (value) => (asksToRetry(value) ? 'retry' : value),
      choice(CHOICES.onExisting).nullish(),
    ),
    rerunMissing: z.boolean({ error: 'true or false' }).nullish(),
    failedWith: text('an error type, a place in the code or the pattern of a failure').nullish(),
    ordinals: z
      .string({ error: RANGES })
      .superRefine((value, context) => {
        const problem = rangesProblem(
          value,
          'select the partitions by their error with "failedWith", or retry them in several steps',
        );
        if (problem !== null) addSentence(context, problem);
      })
      .nullish(),
    generation: whole(1, Number.MAX_SAFE_INTEGER).nullish(),
    scheduledTime: checkedText(
      'a time such as "2026-11-01T06:00:00Z", or a day such as "2026-11-01"',
      (value) => parsePeriod(value, 'UTC') !== null,
    ).nullish(),
    timeZone: timeZoneSchema.nullish(),
    notify: text('the name of a notifier from the configuration, such as "ops"').nullish(),
    onUnchanged: choice(CHOICES.onUnchanged).nullish(),
    series: checkedText(
      'the name of a series of runs, at most 200 bytes of text such as "nightly"',
      (value) => runIdProblem(value) === null,
    ).nullish(),
    options: optionsSchema.nullish(),
  },
);

function isText(payload: { value: unknown; issues: readonly unknown[] }): boolean {
  return typeof payload.value === 'string' && payload.issues.length === 0;
}

export type ParsedInput = z.infer<typeof inputSchema>;
export type ParsedRetry = z.infer<typeof retrySchema>;
