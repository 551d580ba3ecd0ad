import type { Command } from 'commander';
import { changing, withChange, type ChangeOptions } from '../changing';
import { withExamples } from '../help';

export function define(command: Command): void {
  withExamples(command, ['unpause regional-2024']);
  withChange(command.argument('<run>', 'run id')).action((runId: string, options: ChangeOptions) =>
    changing(
      runId,
      options,
      (handle) => handle.unpause(),
      'Unpaused: the run continues with the partitions that are waiting.',
    ),
  );
}
