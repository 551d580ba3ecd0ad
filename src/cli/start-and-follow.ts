/** Starts a run and follows it to its end, for the commands that start one. */
import type { Command } from 'commander';
import type { ProjectConfig } from '../config';
import type { RunInput } from '../run/input';
import { OK } from './exit';
import { follow, untilInterrupted } from './follow';
import { suggesting } from './invocation';
import { withPartwise, type ProjectOptions } from './project';
import { nextCommands } from './render/next-commands';
import { clean } from './render/text';
import { aside, errorPaint, note, paint, print, printJson } from './terminal';

export interface StartOptions extends ProjectOptions {
  runId?: string;
  detach?: boolean;
  strict?: boolean;
  json?: boolean;
}

export function withStartFlags(command: Command): Command {
  return command
    .option('--run-id <id>', 'name of the run (default: made of the function and the time)')
    .option('--on-existing <policy>', 'when the run id is taken: error (default), overwrite or resume')
    .option('--detach', 'start it and return; the run goes on')
    .option('--strict', 'exit with 1 when any partition failed, tolerated or not');
}

/** Sets the exit code. */
export async function startAndFollow(
  input: RunInput,
  config: ProjectConfig,
  options: StartOptions,
): Promise<void> {
  const suggest = suggesting(options);
  process.exitCode = await untilInterrupted('Stopped: no run was started.', (interrupt) =>
    withPartwise(config, { needWorker: true, signal: interrupt }, async (partwise) => {
      const handle = await partwise.start(input, options.runId === undefined ? {} : { runId: options.runId });
      announce(handle.runId, input);
      if (options.detach !== true) {
        return follow(handle, {
          json: options.json === true,
          strict: options.strict === true,
          suggest,
          interrupt,
        });
      }
      const state = await handle.status();
      if (options.json === true) printJson(state);
      else print(nextCommands({ state, failed: null, hasArtifacts: false, suggest }, paint));
      return OK;
    }),
  );
}

function announce(runId: string, input: RunInput): void {
  const { source, partitionBy = [] } = input;
  const from = 'table' in source ? `table ${source.table}` : 'query' in source ? 'a query' : source.files;
  const by = partitionBy.length === 0 ? 'each file' : `each ${partitionBy.join(', ')}`;
  note(`${errorPaint.dim('run')} ${errorPaint.bold(clean(runId))}`);
  aside(`${clean(input.function)} for ${clean(by)} of ${clean(from)}`);
}
