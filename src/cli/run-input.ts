/** The flags of a run → the same input object that the library takes. */
import type { RunInput } from '..';
import { parseJsonAsTyped } from '../core/exact-json';
import { isOutputFile } from '../input/output-target';
import { columnNames } from '../core/column-names';
import { CannotDo } from './exit';
import { asVersion, parseModel } from './model-reference';
import { places } from './options';
import { toPartitionId } from '../core/partition-name';
import type { RunFlags } from './run-flags';
import { parseSource, toProjectPath } from './source';

/** Base folders of relative paths. */
export interface Folders {
  projectDir: string;
  cwd: string;
}

/** Unchecked: `parseRunInput` reports the problems. */
export function toRunInput(
  functionName: string | undefined,
  flags: RunFlags,
  { projectDir, cwd }: Folders,
): RunInput {
  const partitionBy = flags.by && columnNames(flags.by);
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
    allowEmpty: flags.allowEmpty,
    partitionsPerUnit: number(flags.partitionsPerUnit),
    warehouse: toWarehouseOptions(flags),
  });
  const input = defined({
    function: functionName ?? (flags.sql === undefined ? undefined : 'sql'),
    source:
      flags.from === undefined
        ? undefined
        : parseSource(
            {
              from: flags.from,
              pattern: flags.pattern,
              types: flags.type === undefined ? undefined : toTypes(flags.type),
              hasKey: partitionBy !== undefined,
            },
            projectDir,
            cwd,
          ),
    partitionBy,
    warehouse: flags.warehouse?.replace(/^duckdb:(?!:)(.+)$/s, (_, file: string) => `duckdb:${path(file)}`),
    stage: flags.stage !== undefined && places().stage.isPath(flags.stage) ? path(flags.stage) : flags.stage,
    params: flags.param === undefined ? undefined : toParams(flags.param),
    sql: flags.sql,
    where: flags.where && conditionOf(flags.where),
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

/** One condition that all of these meet; each is on lines of its own, since it may end in a comment. */
function conditionOf(conditions: readonly string[]): string {
  if (conditions.length === 1) return conditions[0]!;
  return conditions.map((condition) => `(${condition}\n)`).join(' AND ');
}

/** `zip=VARCHAR`: the last `=` counts, since a name may have one. */
function toTypes(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, type] = /^(.*)=([^=]*)$/s.exec(pair) ?? [null, pair, ''];
      return [name!.trim(), type!.trim()];
    }),
  );
}

/** JSON is used as JSON, with numbers whose digits a number cannot hold as text; anything else is text. */
function toParams(pairs: readonly string[]): Record<string, unknown> {
  refuseUnusableNames(pairs);
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, value] = /^([^=]*)=(.*)$/s.exec(pair) ?? [null, pair, 'true'];
      try {
        return [name, parseJsonAsTyped(value!)];
      } catch {
        return [name, value];
      }
    }),
  );
}

function refuseUnusableNames(pairs: readonly string[]): void {
  const names = pairs.map((pair) => pair.split('=', 1)[0]!);
  const unnamed = names.findIndex((name) => name.trim() === '');
  if (unnamed !== -1) throw new CannotDo(`--param "${pairs[unnamed]}" has no name: write it as name=value.`);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined)
    throw new CannotDo(
      `--param ${twice} is given twice, and can have only one value: remove one of the two.`,
    );
}

/** Settings for one kind of warehouse; undefined if none are given. */
function toWarehouseOptions(flags: RunFlags): Record<string, unknown> | undefined {
  const values = flags as Record<string, unknown>;
  const given = defined(
    Object.fromEntries(places().warehouse.options.map(({ name }) => [name, values[name]])),
  );
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
    keep: keep && columnNames(keep),
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
