/** The options of `run`, `plan`, and the commands like them. */
import type { Command } from 'commander';
import { GROUP } from './help';
import { flagOf } from './flag-words';
import { places, type ProjectOptions } from './project';

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

/** For options that can be given more than once. */
export const SEVERAL = (value: string, before: string[] = []): string[] => [...before, value];

/** What rows a run takes, and how it runs. */
export function withRunFlags(command: Command): Command {
  const named = command.argument('[function]', 'name of the partition function (not needed with --sql)');
  return withModelFlags(
    withSourceFlags(named)
      .optionsGroup(GROUP.work)
      .option('--sql <query>', 'run this query over each partition (a view named data) instead of a function')
      .optionsGroup(GROUP.own),
  );
}

/** For functions of models, which `train` and `predict` name by themselves. */
function withModelFlags(command: Command): Command {
  return withPredictionFlags(
    withTrainingFlags(command)
      .optionsGroup(GROUP.models)
      .option('--model <version>', 'for MODEL.predict: MODEL@VERSION of the registry'),
  );
}

export function withTrainingFlags(command: Command): Command {
  return withHoldout(command)
    .optionsGroup(GROUP.models)
    .option('--as <name>', 'for MODEL.train: name in the registry')
    .option('--base <version>', 'version that keeps what is not trained now, or none (default: the newest)')
    .optionsGroup(GROUP.own);
}

export function withPredictionFlags(command: Command): Command {
  return command
    .optionsGroup(GROUP.models)
    .option('--on-missing <policy>', 'a partition without a model: error (default), skip or fallback')
    .option('--fallback <key>', 'with --on-missing fallback: the partition whose model stands in')
    .option('--keep <columns>', 'input columns that predictions carry, separated by commas')
    .optionsGroup(GROUP.own);
}

export function withHoldout(command: Command): Command {
  return command
    .optionsGroup(GROUP.models)
    .option(
      '--holdout <condition>',
      'rows that meet it are not trained on; metrics are measured on them, and with MODEL.fitPredict they are predicted',
    )
    .optionsGroup(GROUP.own);
}

/** The same of a function that is known. */
export function withSourceFlags(command: Command): Command {
  const { warehouse, stage } = places();
  const flagged = command
    .optionsGroup(GROUP.source)
    .option('--from <source>', 'a table, a file or glob, or query:SELECT …')
    .option('--by <columns>', 'key columns, separated by commas; without them each file is a partition')
    .option('--pattern <glob>', 'files below the folder --from that are a partition each')
    .option('--where <condition>', 'run only on rows that meet this SQL condition')
    .option(
      '--snapshot <how>',
      'stage (default), or none: a table that keeps its history, queried as it was at planning',
    )
    .option(
      '--time-zone <name>',
      "of $scheduled_date and of a schedule's times, such as Europe/Berlin (default: UTC)",
    )
    .optionsGroup(GROUP.work)
    .option('--functions <file>', 'the file that exports the functions')
    .option(
      '--param <name=value>',
      'reaches the function as context.params; JSON or text (repeatable)',
      SEVERAL,
    )
    .option('--only <key>', 'run only this partition (repeatable)', SEVERAL)
    .option('--max-partitions <n>', 'refuse more partitions than this (default: 100000)')
    .option('--series <name>', 'the series of runs that this is one of, for --on-unchanged')
    .option(
      '--on-unchanged <policy>',
      'partitions that are as they last were in the series: run (default) or reuse',
    )
    .optionsGroup(GROUP.limits)
    .option('--max-concurrency <n>', 'partitions in flight at once, 1 to 24,000 (default: 8)')
    .option('--partitions-per-unit <n>', 'partitions per activity (default: 1 up to 500 partitions)')
    .optionsGroup(GROUP.connection)
    .option('--warehouse <uri>', warehouse.examples)
    .option('--stage <place>', `for snapshots, artifacts and logs: ${stage.examples}`);
  return warehouse.options
    .reduce((all, { name, help }) => all.option(`${flagOf(name)} <name>`, help), flagged)
    .optionsGroup(GROUP.own);
}

/** For commands that run, or plan, one run. */
export function withScheduledTime(command: Command): Command {
  return command
    .optionsGroup(GROUP.source)
    .option(
      '--scheduled-time <time>',
      'the time that the run is for: $scheduled_time and $scheduled_date in the query',
    )
    .optionsGroup(GROUP.own);
}

/** What happens to results and failures. */
export function withOutcomeFlags(command: Command): Command {
  return withFailureFlags(
    command
      .optionsGroup(GROUP.output)
      .option('--output <target>', 'table, or file that ends in .parquet or .csv, for the combined rows')
      .option('--mode <mode>', 'how a table is written: replace (default), partitions or append')
      .option('--evolve', 'columns that a table lacks are added to it (default: the commit is refused)'),
  );
}

/** What happens to failures, and how long a run and its calls may take. */
export function withFailureFlags(command: Command): Command {
  return command
    .optionsGroup(GROUP.failures)
    .option(
      '--tolerated-failures <n>',
      'partitions that may fail without failing the run: a number, or a share such as 5% (default: 0)',
    )
    .option('--fail-fast', 'stop as soon as more have failed than are tolerated')
    .option(
      '--maximum-attempts <n>',
      'calls per partition that may fail, the first included (default: 3); a lost or restarted worker does not count',
    )
    .optionsGroup(GROUP.limits)
    .option('--timeout <duration>', 'time that one call may take, such as 90s or 15m')
    .option('--memory <size>', 'memory that one call may use, such as 512MB or 2GB')
    .option('--run-timeout <duration>', 'time that the whole run may take, such as 2h; then it is stopped')
    .optionsGroup(GROUP.output)
    .option('--notify <name>', 'told when the run ends: a notifier of the configuration, a URL or a command')
    .optionsGroup(GROUP.own);
}
