import type { Command } from 'commander';
import { changing, withChange, type ChangeOptions } from '../changing';
import { withExamples } from '../help';
import { RUN_ID } from '../last-run';
import { toPartitionId } from '../../core/partition-name';
import { plural } from '../../display/text';

export function define(command: Command): void {
  withExamples(command, ['skip regional-2024 North South']);
  command.argument('<run>', RUN_ID).argument('<partition...>', 'partitions to skip');
  withChange(command).action((runId: string, partitions: string[], options: ChangeOptions) => {
    const ids = partitions.map((partition) => toPartitionId(partition));
    return changing(
      runId,
      options,
      (handle) => handle.skip(ids),
      `Skipped ${plural(ids.length, 'partition')}.`,
    );
  });
}
