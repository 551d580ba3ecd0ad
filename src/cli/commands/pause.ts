import type { Command } from 'commander';
import { changing, withChange, type ChangeOptions } from '../changing';

export const pause = {
  define: (command: Command): void =>
    define(command, 'pause', 'Paused: what runs goes on to its end, and nothing else is started.'),
};

export const unpause = { define: (command: Command): void => define(command, 'unpause', 'It goes on.') };

function define(command: Command, verb: 'pause' | 'unpause', done: string): void {
  withChange(command.argument('<run>', 'run id')).action((runId: string, options: ChangeOptions) =>
    changing(runId, options, (handle) => handle[verb](), done),
  );
}
