import type { Command } from 'commander';
import { follow, untilInterrupted } from '../follow';
import { withExamples } from '../help';
import { RUN_ID, runIdOf } from '../last-run';
import { suggesting } from '../invocation';
import { followingMoves, loadProject, withPartwise } from '../connect';
import { withJson, withProject, type ReadingOptions } from '../options';
import { outliveReader } from '../terminal';

interface WatchOptions extends ReadingOptions {
  strict?: boolean;
}

export function define(command: Command): void {
  withExamples(command, ['watch regional-2024']);
  command
    .argument('<run>', RUN_ID)
    .option('--strict', 'exit with 1 if any partition failed, even within the tolerance');
  withJson(withProject(command)).action(async (wanted: string, options: WatchOptions) => {
    let runId = wanted;
    const config = await loadProject(options);
    outliveReader();
    process.exitCode = await untilInterrupted('Stopped; the run is not affected.', (interrupt) =>
      // With a worker, so that a run that waits for one can continue.
      followingMoves(() =>
        withPartwise(config, { needWorker: true, signal: interrupt }, async (partwise, moved) => {
          runId = await runIdOf(partwise, runId);
          return follow(partwise.getRun(runId), {
            json: options.json === true,
            strict: options.strict === true,
            suggest: suggesting(options),
            interrupt,
            moved,
          });
        }),
      ),
    );
  });
}
