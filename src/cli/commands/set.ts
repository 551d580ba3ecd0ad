import type { Command } from 'commander';
import type { RunSettings } from '../..';
import { changing, withChange, type ChangeOptions } from '../changing';
import { CannotDo } from '../exit';
import { withExamples } from '../help';
import { RUN_ID } from '../last-run';
import { inFlagWords } from '../flag-words';
import { number } from '../run-input';

interface SetOptions extends ChangeOptions {
  maxConcurrency?: string;
  toleratedFailures?: string;
}

export function define(command: Command): void {
  withExamples(command, ['set regional-2024 --max-concurrency 16 --tolerated-failures 5%']);
  command
    .argument('<run>', RUN_ID)
    .option(
      '--max-concurrency <n>',
      'partitions (or batches) to run at the same time, up to 48 (per shard, if the run has shards)',
    )
    .option('--tolerated-failures <n>', 'partitions that may fail: a number, or a percentage such as 5%');
  withChange(command).action(async (runId: string, options: SetOptions) => {
    const settings = {
      maxConcurrency: number(options.maxConcurrency),
      toleratedFailures: number(options.toleratedFailures),
    } as RunSettings;
    if (settings.maxConcurrency === undefined && settings.toleratedFailures === undefined)
      throw new CannotDo('Nothing to set: give --max-concurrency or --tolerated-failures.');
    const inForce = [
      ...(options.maxConcurrency === undefined ? [] : [`${options.maxConcurrency} at a time`]),
      ...(options.toleratedFailures === undefined ? [] : [`${options.toleratedFailures} may fail`]),
    ].join(', ');
    await changing(
      runId,
      options,
      (handle) => handle.set(settings),
      `Now in force: ${inForce}.`,
      inFlagWords,
    );
  });
}
