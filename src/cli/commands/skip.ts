import type { Command } from 'commander';
import type { SkipSelection } from '../..';
import { changing, withChange, type ChangeOptions } from '../changing';
import { reading } from '../connect';
import { CannotDo } from '../exit';
import { inFlagWords } from '../flag-words';
import { withExamples } from '../help';
import { RUN_ID, runIdOf } from '../last-run';
import { printSelection } from '../preview-selection';
import { paint } from '../terminal';
import { countRanges } from '../../core/ordinal-ranges';
import { toPartitionId } from '../../core/partition-name';
import { clean, plural } from '../../display/text';

interface SkipFlags extends ChangeOptions {
  ordinals?: string;
  dryRun?: boolean;
}

const NOTES = `All of the partitions are skipped, or none: one that has ended, or whose batch is being processed,
cannot be. At most 1,000 are skipped by id at a time, and 10,000 by number.`;

export function define(command: Command): void {
  withExamples(command, ['skip regional-2024 North South', 'skip regional-2024 --ordinals 3,7-9'], NOTES);
  command
    .argument('<run>', RUN_ID)
    .argument('[partition...]', 'partitions to skip')
    .option('--ordinals <ranges>', 'skip these partitions, by number, such as 3,7-9 (from 0)')
    .option('--dry-run', 'only show which partitions would be skipped');
  withChange(command).action(async (runId: string, partitions: string[], options: SkipFlags) => {
    const selection = selectionOf(partitions, options);
    if (options.dryRun === true) return preview(runId, selection, options);
    const skipped = 'ordinals' in selection ? countRanges(selection.ordinals) : selection.length;
    const confirmation = `Skipped ${plural(skipped, 'partition')}.`;
    await changing(runId, options, (handle) => handle.skip(selection), confirmation, inFlagWords);
  });
}

async function preview(wanted: string, selection: SkipSelection, options: SkipFlags): Promise<void> {
  await reading(options, async (partwise) => {
    const run = partwise.getRun(await runIdOf(partwise, wanted));
    const found = await run.previewSkip(selection).catch((error: Error) => {
      throw error.name === 'UpdateRefused' ? new CannotDo(inFlagWords(error.message)) : error;
    });
    await printSelection(run, found, `In ${paint.bold(clean(run.runId))}, this would skip`, options);
  });
}

function selectionOf(partitions: readonly string[], { ordinals }: SkipFlags): SkipSelection {
  if ((ordinals === undefined) === (partitions.length === 0)) {
    throw new CannotDo(
      'name the partitions to skip, or select them by number with --ordinals, but not both.',
    );
  }
  return ordinals === undefined ? partitions.map((partition) => toPartitionId(partition)) : { ordinals };
}
