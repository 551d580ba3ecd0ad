import type { Command } from 'commander';
import { changing, withChange, type ChangeOptions } from '../changing';
import { withExamples } from '../help';
import { RUN_ID } from '../last-run';

export function define(command: Command): void {
  withExamples(command, ['unpause regional-2024']);
  withChange(command.argument('<run>', RUN_ID)).action((runId: string, options: ChangeOptions) =>
    changing(
      runId,
      options,
      (handle) => handle.unpause(),
      'Unpaused: the run continues with the partitions that are waiting.',
    ),
  );
}
