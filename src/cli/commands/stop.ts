import type { Command } from 'commander';
import { CannotDo } from '../exit';
import { withExamples } from '../help';
import { loadProject, withoutServer } from '../connect';
import { withJson, withProject, type ReadingOptions } from '../options';
import { plural } from '../../display/text';
import { note, printJson } from '../terminal';

const NOTES = `Runs that have not ended continue with the next command that starts the server again. To stop a
run, use partwise cancel. Without this command, the processes end ten minutes after the last command
and the last run.`;

export function define(command: Command): void {
  withExamples(command, ['stop'], NOTES);
  withJson(withProject(command)).action(async (options: ReadingOptions) => {
    const config = await loadProject(options);
    const stopped = await withoutServer(config, (project) => project.stopBackground());
    if (stopped?.foreground === true)
      throw new CannotDo(
        `The server and worker of this project belong to partwise dev (process ${stopped.pids.host}): end it with Ctrl-C in its terminal.`,
      );
    if (options.json === true) return printJson({ stopped });
    if (stopped === null) return note('This project has no background processes.');
    const open = stopped.openRuns ?? 0;
    const rest = open === 0 ? '' : ` ${plural(open, 'open run')} will continue with the next command.`;
    note(`Stopped the Temporal server and the worker of this project.${rest}`);
  });
}
