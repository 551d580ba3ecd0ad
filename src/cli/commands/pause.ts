import type { Command } from 'commander';
import { changing, withChange, type ChangeOptions } from '../changing';

export function define(command: Command): void {
  withChange(command.argument('<run>', 'run id')).action((runId: string, options: ChangeOptions) =>
    changing(
      runId,
      options,
      (handle) => handle.pause(),
      'Paused: what runs goes on to its end, and nothing else is started.',
    ),
  );
}
