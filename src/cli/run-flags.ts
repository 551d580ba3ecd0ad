/** The options of `run`, `plan`, and the commands like them. */
import type { Command } from 'commander';
import { CHOICES } from '../core/choices';
import { GROUP } from './help';
import { flagOf } from './flag-words';
import { choiceOption, places, withFunctions, type ProjectFlags } from './options';
import { SEVERAL } from './repeated';

export interface RunFlags extends ProjectFlags {
  from?: string;
  by?: string[];
  pattern?: string;
  type?: string[];
  sql?: string;
  param?: string[];
  only?: string[];
  where?: string[];
  snapshot?: string;
  output?: string;
  mode?: string;
  evolve?: boolean;
  model?: string;
  run?: string;
  onMissing?: string;
  fallback?: string;
  keep?: string[];
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
  allowEmpty?: boolean;
  partitionsPerUnit?: string;
}

/** Options for which rows a run reads and how it runs. */
export function withRunFlags(command: Command): Command {
  const named = command.argument(
    '[function]',
    'partition function to run, or FILE:NAME (not needed with --sql)',
  );
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
    .addOption(
      choiceOption('--on-missing <policy>', 'what to do for a partition without a model', CHOICES.onMissing),
    )
    .option('--fallback <id>', 'with --on-missing fallback: partition whose model to use instead')
    .option(
      '--keep <columns>',
      'comma-separated input columns to include in the predictions (repeatable)',
      SEVERAL,
    )
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
  const { warehouse, stage } = places();
  const read = command
    .optionsGroup(GROUP.source)
    .option('--from <source>', 'table, file, glob, folder or place on S3, or query:SELECT …')
    .option(
      '--by <columns>',
      'comma-separated key columns, such as region or \'year,"net, total"\'; without them each file is a partition (repeatable)',
      SEVERAL,
    )
    .option('--pattern <glob>', 'glob below the folder --from; each matching file is a partition')
    .option(
      '--type <column=type>',
      'type to read a column of CSV or JSON files with, such as zip=VARCHAR (repeatable; default: guessed, see partwise plan)',
      SEVERAL,
    )
    .option(
      '--where <condition>',
      'only use rows that match this SQL condition (repeatable: all must match)',
      SEVERAL,
    )
    .option('--allow-empty', 'accept a source without rows: the run has no partitions and is a SUCCESS')
    .addOption(
      choiceOption(
        '--snapshot <how>',
        'where to keep the snapshot; none: query the table as of planning, with Time Travel',
        CHOICES.snapshot,
      ),
    )
    .option(
      '--time-zone <name>',
      'time zone of $scheduled_date and of a schedule, such as Europe/Berlin (default: UTC)',
    )
    .optionsGroup(GROUP.work);
  const flagged = withFunctions(read)
    .option(
      '--param <name=value>',
      'parameter in context.params; the value is JSON, or text: also a number that a double would round (repeatable)',
      SEVERAL,
    )
    .option('--only <id>', 'run only this partition (repeatable)', SEVERAL)
    .option('--max-partitions <n>', 'refuse to start with more partitions than this (default: 100000)')
    .option('--series <name>', 'series of runs that this run belongs to, for --on-unchanged')
    .addOption(
      choiceOption(
        '--on-unchanged <policy>',
        'what to do with partitions that are unchanged since the last run of the series',
        CHOICES.onUnchanged,
      ),
    )
    .optionsGroup(GROUP.limits)
    .option('--max-concurrency <n>', 'partitions to run at the same time, 1 to 24,000 (default: 8)')
    .option('--partitions-per-unit <n>', 'partitions per activity (default: 1 for up to 500 partitions)')
    .optionsGroup(GROUP.connection)
    .option('--warehouse <uri>', warehouse.examples)
    .option('--stage <place>', `for snapshots, artifacts and logs: ${stage.examples}`);
  return warehouse.options
    .reduce((all, { name, help }) => all.option(`${flagOf(name)} <name>`, help), flagged)
    .optionsGroup(GROUP.own);
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
      .addOption(choiceOption('--mode <mode>', 'how to write a table', CHOICES.mode))
      .option('--evolve', 'add missing columns to the table (default: refuse the commit)'),
  );
}

/** Options for failures, and for how long a run and its calls may take. */
export function withFailureFlags(command: Command): Command {
  return command
    .optionsGroup(GROUP.failures)
    .option(
      '--tolerated-failures <n>',
      'partitions that may fail without failing the run: a number, or a percentage such as 5% (default: 0)',
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
