import type { Command } from 'commander';
import { follow, untilInterrupted } from '../follow';
import { withExamples } from '../help';
import { suggesting } from '../invocation';
import { outliveReader } from '../terminal';
import {
  followingMoves,
  loadProject,
  withJson,
  withPartwise,
  withProject,
  type ReadingOptions,
} from '../project';

interface WatchOptions extends ReadingOptions {
  strict?: boolean;
}

export function define(command: Command): void {
  withExamples(command, ['watch regional-2024']);
  command
    .argument('<run>', 'run id')
    .option('--strict', 'exit with 1 if any partition failed, even within the tolerance');
  withJson(withProject(command)).action(async (runId: string, options: WatchOptions) => {
    const config = await loadProject(options);
    outliveReader();
    process.exitCode = await untilInterrupted('Stopped; the run is not affected.', (interrupt) =>
      // With a worker, so that a run that waits for one can continue.
      followingMoves(() =>
        withPartwise(config, { needWorker: true, signal: interrupt }, (partwise, moved) =>
          follow(partwise.getRun(runId), {
            json: options.json === true,
            strict: options.strict === true,
            suggest: suggesting(options),
            interrupt,
            moved,
          }),
        ),
      ),
    );
  });
}
