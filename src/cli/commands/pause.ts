import type { Command } from 'commander';
import { changing, withChange, type ChangeOptions } from '../changing';
import { withExamples } from '../help';
import { RUN_ID } from '../last-run';

export function define(command: Command): void {
  withExamples(command, ['pause regional-2024']);
  withChange(command.argument('<run>', RUN_ID)).action((runId: string, options: ChangeOptions) =>
    changing(
      runId,
      options,
      (handle) => handle.pause(),
      'Paused: partitions that are running finish, and no others are started.',
    ),
  );
}
