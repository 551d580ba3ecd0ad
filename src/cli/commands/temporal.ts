import type { Command } from 'commander';
import { withExamples } from '../help';
import { loadProject, troubleReporter, withoutServer } from '../connect';

const NOTES = `All arguments are passed on to the CLI: partwise temporal --help prints its help. It is the program that
Partwise found or fetched (see partwise doctor), on the server and in the namespace of the project. On the
project's own server, it can read everything; runs that it starts need a proof, which partwise dev prints.`;

export function define(command: Command): void {
  withExamples(command, ['temporal workflow list'], NOTES);
  command
    .argument('[arguments...]', "arguments of Temporal's CLI")
    .helpOption(false)
    .allowUnknownOption()
    .action(async (args: string[]) => {
      const cwd = process.cwd();
      const config = await loadProject({});
      process.exitCode = await withoutServer(config, (project) =>
        project.temporal(args, { cwd, onEvent: troubleReporter() }),
      );
    });
}
