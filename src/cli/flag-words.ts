/** Problems of an input in the words of people who typed flags. */
import { CannotDo } from './exit';
import { places } from './options';

/** `loadingWarehouse` → `--loading-warehouse`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
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
    'source.types': '--type',
    warehouse: '--warehouse',
    stage: '--stage',
    params: '--param',
    sql: '--sql',
    where: '--where',
    snapshot: '--snapshot',
    only: '--only',
    rerunMissing: '--rerun-missing',
    failedWith: '--failed-with',
    ordinals: '--ordinals',
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
    'options.allowEmpty': '--allow-empty',
    'options.partitionsPerUnit': '--partitions-per-unit',
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
  // A flag's value is always text.
  return problem
    .replace(' (a number means milliseconds)', '')
    .replace(
      /"([A-Za-z.]+)(?:\[\d+\])?"/g,
      (quoted, name: string) => flagFor(name) ?? flagFor(`options.${name}`) ?? quoted,
    );
}

function flagFor(setting: string): string | undefined {
  const option = places().warehouse.options.find(({ name }) => setting === `options.warehouse.${name}`);
  return option === undefined ? FLAG_OF.get(setting) : flagOf(option.name);
}

/** Rephrases refusals in terms of flags. `heading` introduces a list of several problems. */
export async function inFlags<T>(heading: string, work: () => Promise<T>): Promise<T> {
  const { ScheduleRefused }: typeof import('..') = require('..');
  try {
    return await work();
  } catch (error) {
    throw error instanceof ScheduleRefused ? refusal(heading, error.problems) : error;
  }
}

export function refusal(heading: string, problems: readonly string[]): CannotDo {
  const rephrased = problems.map(inFlagWords);
  return new CannotDo(
    rephrased.length === 1
      ? rephrased[0]
      : `${heading}:\n${rephrased.map((problem) => `- ${problem}`).join('\n')}`,
  );
}
