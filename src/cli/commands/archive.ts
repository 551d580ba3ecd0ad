import type { Command } from 'commander';
import { withExamples } from '../help';
import { reading, withJson, withProject, type ReadingOptions } from '../project';
import { note, print, printJson } from '../terminal';

const NOTES = `Every run is archived on its stage when it ends, and read from there when the Temporal server has forgotten it. This is for runs
that had no chance to: those that were terminated. Executions that the server has forgotten are left as they are.`;

export function define(command: Command): void {
  withExamples(command, ['archive regional-2024'], NOTES);
  withJson(withProject(command.argument('<run>', 'run id'))).action(
    async (runId: string, options: ReadingOptions) => {
      await reading(options, async (partwise) => {
        const archive = await partwise.getRun(runId).archive();
        if (options.json === true) return printJson(archive);
        for (const { execution, path, shards } of archive.executions) {
          if (path === null)
            note(`Execution ${execution} was never archived, and the server has forgotten it.`);
          else print(path);
          for (const shard of shards) print(shard);
        }
      });
    },
  );
}
