import type { Command } from 'commander';
import { withExamples } from '../help';
import { reading } from '../connect';
import { withJson, withProject, type ReadingOptions } from '../options';
import { RUN_ID, runIdOf } from '../last-run';
import { note, print, printJson } from '../terminal';

const NOTES = `Every run archives its history when it ends; once the Temporal server has deleted the history, the
run is read from the archive. This command is for runs that could not archive theirs because they
were terminated. It skips executions that the server has deleted.`;

export function define(command: Command): void {
  withExamples(command, ['archive regional-2024'], NOTES);
  withJson(withProject(command.argument('<run>', RUN_ID))).action(
    async (runId: string, options: ReadingOptions) => {
      await reading(options, async (partwise) => {
        const archive = await partwise.getRun(await runIdOf(partwise, runId)).archive();
        if (options.json === true) return printJson(archive);
        for (const { execution, path, shards } of archive.executions) {
          if (path === null)
            note(`Execution ${execution} was never archived, and the server has deleted it.`);
          else print(path);
          for (const shard of shards) print(shard);
        }
      });
    },
  );
}
