/** The options of `run` and `plan`, and their conversion to the input object of the library. */
import type { Command } from 'commander';
import type { RunInput } from '../core/input';
import { isOutputFile } from '../input/output-target';
import { isStagePath, STAGE_EXAMPLES } from '../stage';
import { WAREHOUSE_EXAMPLES, WAREHOUSE_OPTIONS } from '../warehouse';
import { GROUP } from './help';
import { asVersion, parseModel } from './model-reference';
import { toPartitionId } from './partition-argument';
import type { ProjectOptions } from './project';
import { parseSource, toProjectPath } from './source';

export interface RunFlags extends ProjectOptions {
  from?: string;
  by?: string;
  pattern?: string;
  sql?: string;
  param?: string[];
  only?: string[];
  where?: string;
  snapshot?: string;
  output?: string;
  mode?: string;
  evolve?: boolean;
  model?: string;
  run?: string;
  onMissing?: string;
  fallback?: string;
  keep?: string;
  holdout?: string;
  as?: string;
  base?: string;
  onExisting?: string;
  series?: string;
  onUnchanged?: string;
  notify?: string;
  scheduledTime?: string;
  timeZone?: string;
  maxConcurrency?: string;
  toleratedFailures?: string;
  failFast?: boolean;
  runTimeout?: string;
  maximumAttempts?: string;
  timeout?: string;
  memory?: string;
  maxPartitions?: string;
  partitionsPerUnit?: string;
}

/** Collects the values of a repeatable option. */
export const SEVERAL = (value: string, before: string[] = []): string[] => [...before, value];

/** Options for which rows a run reads and how it runs. */
export function withRunFlags(command: Command): Command {
  const named = command.argument('[function]', 'partition function to run (not needed with --sql)');
  return withModelFlags(
    withSourceFlags(named)
      .optionsGroup(GROUP.work)
      .option('--sql <query>', 'run this query on each partition (the view data) instead of a function')
      .optionsGroup(GROUP.own),
  );
}

/** Options for running a model's functions by name; `train` and `predict` set them on their own. */
function withModelFlags(command: Command): Command {
  return withPredictionFlags(
    withTrainingFlags(command)
      .optionsGroup(GROUP.models)
      .option('--model <version>', 'for MODEL.predict: registered model to use, as MODEL@VERSION'),
  );
}

export function withTrainingFlags(command: Command): Command {
  return withHoldout(command)
    .optionsGroup(GROUP.models)
    .option('--as <name>', 'for MODEL.train: name to register the model under')
    .option(
      '--base <version>',
      'version to take the models of untrained partitions from, or none (default: the newest)',
    )
    .optionsGroup(GROUP.own);
}

export function withPredictionFlags(command: Command): Command {
  return command
    .optionsGroup(GROUP.models)
    .option(
      '--on-missing <policy>',
      'what to do for a partition without a model: error (default), skip or fallback',
    )
    .option('--fallback <key>', 'with --on-missing fallback: partition whose model to use instead')
    .option('--keep <columns>', 'comma-separated input columns to include in the predictions')
    .optionsGroup(GROUP.own);
}

export function withHoldout(command: Command): Command {
  return command
    .optionsGroup(GROUP.models)
    .option(
      '--holdout <condition>',
      'SQL condition for rows to exclude from training; metrics are measured on them, and MODEL.fitPredict predicts them',
    )
    .optionsGroup(GROUP.own);
}

/** Options for the source and the run of a given function. */
export function withSourceFlags(command: Command): Command {
  const flagged = command
    .optionsGroup(GROUP.source)
    .option('--from <source>', 'table, file or glob, or query:SELECT …')
    .option('--by <columns>', 'comma-separated key columns; without them each file is a partition')
    .option('--pattern <glob>', 'glob below the folder --from; each matching file is a partition')
    .option('--where <condition>', 'only use rows that match this SQL condition')
    .option(
      '--snapshot <how>',
      'where to keep the snapshot: stage (default), or none to query a table as of planning through its time travel',
    )
    .option(
      '--time-zone <name>',
      'time zone of $scheduled_date and of a schedule, such as Europe/Berlin (default: UTC)',
    )
    .optionsGroup(GROUP.work)
    .option('--functions <file>', 'file that exports the functions')
    .option(
      '--param <name=value>',
      'parameter in context.params; the value is JSON or text (repeatable)',
      SEVERAL,
    )
    .option('--only <key>', 'run only this partition (repeatable)', SEVERAL)
    .option('--max-partitions <n>', 'refuse to start with more partitions than this (default: 100000)')
    .option('--series <name>', 'series of runs that this run belongs to, for --on-unchanged')
    .option(
      '--on-unchanged <policy>',
      'what to do with partitions that are unchanged since the last run of the series: run (default) or reuse',
    )
    .optionsGroup(GROUP.limits)
    .option('--max-concurrency <n>', 'partitions to run at the same time, 1 to 24,000 (default: 8)')
    .option('--partitions-per-unit <n>', 'partitions per activity (default: 1 for up to 500 partitions)')
    .optionsGroup(GROUP.connection)
    .option('--warehouse <uri>', WAREHOUSE_EXAMPLES)
    .option('--stage <place>', `for snapshots, artifacts and logs: ${STAGE_EXAMPLES}`);
  return WAREHOUSE_OPTIONS.reduce(
    (all, { name, help }) => all.option(`${flagOf(name)} <name>`, help),
    flagged,
  ).optionsGroup(GROUP.own);
}

/** `loadingWarehouse` → `--loading-warehouse`. */
function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** For commands that start or plan a single run. */
export function withScheduledTime(command: Command): Command {
  return command
    .optionsGroup(GROUP.source)
    .option(
      '--scheduled-time <time>',
      'time the run is for: $scheduled_time and $scheduled_date in the query',
    )
    .optionsGroup(GROUP.own);
}

/** Options for results and failures. */
export function withOutcomeFlags(command: Command): Command {
  return withFailureFlags(
    command
      .optionsGroup(GROUP.output)
      .option('--output <target>', 'table or file (.parquet or .csv) to write the combined rows to')
      .option('--mode <mode>', 'how to write a table: replace (default), partitions or append')
      .option('--evolve', 'add missing columns to the table (default: refuse the commit)'),
  );
}

/** Options for failures, and for how long a run and its calls may take. */
export function withFailureFlags(command: Command): Command {
  return command
    .optionsGroup(GROUP.failures)
    .option(
      '--tolerated-failures <n>',
      'partitions that may fail without failing the run: a number, or a share such as 5% (default: 0)',
    )
    .option('--fail-fast', 'stop as soon as more partitions have failed than are tolerated')
    .option(
      '--maximum-attempts <n>',
      'maximum failed calls per partition, including the first (default: 3); lost or restarted workers do not count',
    )
    .optionsGroup(GROUP.limits)
    .option('--timeout <duration>', 'maximum time for one call, such as 90s or 15m')
    .option('--memory <size>', 'maximum memory for one call, such as 512MB or 2GB')
    .option('--run-timeout <duration>', 'stop the run after this time, such as 2h')
    .optionsGroup(GROUP.output)
    .option(
      '--notify <name>',
      'notifier to call when the run ends: a name from the configuration, a URL or a command',
    )
    .optionsGroup(GROUP.own);
}

/** Base folders of relative paths. */
export interface Places {
  projectDir: string;
  cwd: string;
}

/** Unchecked: `parseRunInput` reports the problems. */
export function toRunInput(
  functionName: string | undefined,
  flags: RunFlags,
  { projectDir, cwd }: Places,
): RunInput {
  const partitionBy = flags.by?.split(',').map((name) => name.trim());
  const path = (text: string): string => toProjectPath(text, projectDir, cwd);
  const options = defined({
    maxConcurrency: number(flags.maxConcurrency),
    toleratedFailures: number(flags.toleratedFailures),
    failFast: flags.failFast,
    runTimeout: flags.runTimeout,
    retry:
      flags.maximumAttempts === undefined ? undefined : { maximumAttempts: number(flags.maximumAttempts) },
    timeout: flags.timeout,
    memory: flags.memory,
    maxPartitions: number(flags.maxPartitions),
    partitionsPerUnit: number(flags.partitionsPerUnit),
    warehouse: toWarehouseOptions(flags),
  });
  const input = defined({
    function: functionName ?? (flags.sql === undefined ? undefined : 'sql'),
    source:
      flags.from === undefined
        ? undefined
        : parseSource(
            { from: flags.from, pattern: flags.pattern, hasKey: partitionBy !== undefined },
            projectDir,
            cwd,
          ),
    partitionBy,
    warehouse: flags.warehouse?.replace(/^duckdb:(?!:)(.+)$/s, (_, file: string) => `duckdb:${path(file)}`),
    stage: flags.stage !== undefined && isStagePath(flags.stage) ? path(flags.stage) : flags.stage,
    params: flags.param === undefined ? undefined : toParams(flags.param),
    sql: flags.sql,
    where: flags.where,
    snapshot: flags.snapshot,
    only: flags.only?.map((key) => toPartitionId(key, partitionBy?.length ?? 1)),
    output: toOutput(flags, path),
    model: toModel(flags, partitionBy?.length ?? 1),
    onExisting: flags.onExisting,
    series: flags.series,
    onUnchanged: flags.onUnchanged,
    notify: flags.notify,
    scheduledTime: flags.scheduledTime,
    timeZone: flags.timeZone,
    options: Object.keys(options).length === 0 ? undefined : options,
  });
  return input as unknown as RunInput;
}

/** The flag for each setting of the input, so that messages can name the flag that was typed. */
const FLAG_OF: ReadonlyMap<string, string> = new Map(
  Object.entries({
    function: 'FUNCTION',
    source: '--from',
    partitionBy: '--by',
    'source.table': '--from',
    'source.query': '--from',
    'source.files': '--from',
    'source.pattern': '--pattern',
    warehouse: '--warehouse',
    stage: '--stage',
    params: '--param',
    sql: '--sql',
    where: '--where',
    snapshot: '--snapshot',
    only: '--only',
    rerunMissing: '--rerun-missing',
    'output.table': '--output',
    'output.file': '--output',
    'output.mode': '--mode',
    'output.evolve': '--evolve',
    'output.model': '--as',
    'output.base': '--base',
    'model.name': '--model',
    'model.version': '--model',
    'model.run': '--run',
    'model.onMissing': '--on-missing',
    'model.fallback': '--fallback',
    'model.keep': '--keep',
    'model.holdout': '--holdout',
    onExisting: '--on-existing',
    series: '--series',
    onUnchanged: '--on-unchanged',
    notify: '--notify',
    scheduledTime: '--scheduled-time',
    timeZone: '--time-zone',
    cron: '--cron',
    calendar: '--calendar',
    every: '--every',
    overlap: '--overlap',
    catchupWindow: '--catchup-window',
    note: '--note',
    from: '--from',
    to: '--to',
    'options.maxConcurrency': '--max-concurrency',
    'options.toleratedFailures': '--tolerated-failures',
    'options.failFast': '--fail-fast',
    'options.runTimeout': '--run-timeout',
    'options.retry.maximumAttempts': '--maximum-attempts',
    'options.timeout': '--timeout',
    'options.memory': '--memory',
    'options.maxPartitions': '--max-partitions',
    'options.partitionsPerUnit': '--partitions-per-unit',
    ...Object.fromEntries(WAREHOUSE_OPTIONS.map(({ name }) => [`options.warehouse.${name}`, flagOf(name)])),
  }),
);

/** `"options.maxConcurrency" is 100; …` → `--max-concurrency is 100; …`. */
export function inFlagWords(problem: string): string {
  if (problem.startsWith('"source" is missing'))
    return '--from is missing; it takes a table, a file or glob, or "query:SELECT …".';
  if (problem.startsWith('"partitionBy" is missing'))
    return '--by is missing; it takes the key columns, such as --by region.';
  if (problem.startsWith('"output" does not name a target'))
    return '--mode and --evolve require --output: name the table to write, such as --output summary.';
  return problem.replace(
    /"([A-Za-z.]+)(?:\[\d+\])?"/g,
    (quoted, name: string) => FLAG_OF.get(name) ?? FLAG_OF.get(`options.${name}`) ?? quoted,
  );
}

/** Values that parse as JSON are used as JSON, anything else as text. */
function toParams(pairs: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, value] = /^([^=]*)=(.*)$/s.exec(pair) ?? [null, pair, 'true'];
      try {
        return [name, JSON.parse(value!) as unknown];
      } catch {
        return [name, value];
      }
    }),
  );
}

/** Settings for one kind of warehouse; undefined if none are given. */
function toWarehouseOptions(flags: RunFlags): Record<string, unknown> | undefined {
  const values = flags as Record<string, unknown>;
  const given = defined(Object.fromEntries(WAREHOUSE_OPTIONS.map(({ name }) => [name, values[name]])));
  return Object.keys(given).length === 0 ? undefined : given;
}

/** The input's `model`; undefined if no flag is about models. */
function toModel(
  { model, run, onMissing, fallback, keep, holdout }: RunFlags,
  columns: number,
): Record<string, unknown> | undefined {
  const settings = defined({
    ...(model !== undefined && parseModel(model)),
    run,
    onMissing,
    fallback: fallback === undefined ? undefined : toPartitionId(fallback, columns),
    keep: keep?.split(',').map((column) => column.trim()),
    holdout,
  });
  return Object.keys(settings).length === 0 ? undefined : settings;
}

function toOutput(
  { output: target, mode, evolve, as, base }: RunFlags,
  path: (text: string) => string,
): Record<string, unknown> | undefined {
  // `parseRunInput` reports a mode without a target.
  const place = target === undefined ? {} : isOutputFile(target) ? { file: path(target) } : { table: target };
  const output = defined({
    ...place,
    mode,
    evolve,
    model: as,
    base: base === undefined ? undefined : asVersion(base),
  });
  return Object.keys(output).length === 0 ? undefined : output;
}

/** The number, or the text if it is not a number, so that the problem can quote it. */
export function number(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
}

function defined<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}
