/** Starts a run and follows it until it ends, for the commands that start one. */
import type { Command } from 'commander';
import type { ProjectConfig } from '../config';
import type { RunInput } from '..';
import { OK } from './exit';
import { GROUP } from './help';
import { follow, untilInterrupted } from './follow';
import { suggesting } from './invocation';
import { followingMoves, withPartwise } from './connect';
import { CHOICES } from '../core/choices';
import { choiceOption, type ProjectFlags } from './options';
import { nextCommands } from './render/next-commands';
import { clean } from '../display/text';
import { aside, errorPaint, note, outliveReader, paint, print, printJson, widthOfTerminal } from './terminal';

export interface StartOptions extends ProjectFlags {
  runId?: string;
  detach?: boolean;
  strict?: boolean;
  json?: boolean;
}

export function withStartFlags(command: Command): Command {
  return command
    .optionsGroup(GROUP.output)
    .option('--run-id <id>', 'id of the run (default: function name and time)')
    .addOption(choiceOption('--on-existing <policy>', 'what to do if the run id exists', CHOICES.onExisting))
    .option('--detach', 'start the run and return without waiting for it')
    .option('--strict', 'exit with 1 if any partition failed, even within the tolerance')
    .optionsGroup(GROUP.own);
}

/** Sets the exit code. */
export async function startAndFollow(
  input: RunInput,
  config: ProjectConfig,
  options: StartOptions,
): Promise<void> {
  const suggest = suggesting(options);
  let started: string | null = null;
  outliveReader();
  process.exitCode = await untilInterrupted('Stopped: no run was started.', (interrupt) =>
    followingMoves(
      () =>
        withPartwise(config, { needWorker: true, signal: interrupt }, async (partwise, moved) => {
          const named = options.runId === undefined ? {} : { runId: options.runId };
          const handle = started === null ? await partwise.start(input, named) : partwise.getRun(started);
          if (started === null) announce(handle.runId, input);
          started = handle.runId;
          const { json = false, strict = false } = options;
          if (options.detach !== true) return follow(handle, { json, strict, suggest, interrupt, moved });
          const state = await handle.status();
          if (json) printJson(state);
          else
            print(
              nextCommands({ state, failures: [], hasArtifacts: false, suggest }, widthOfTerminal(), paint),
            );
          return OK;
        }),
      () => started !== null,
    ),
  );
}

function announce(runId: string, input: RunInput): void {
  const { source, partitionBy = [] } = input;
  const from = 'table' in source ? `table ${source.table}` : 'query' in source ? 'a query' : source.files;
  const by = partitionBy.length === 0 ? 'each file' : `each ${partitionBy.join(', ')}`;
  note(`${errorPaint.dim('run')} ${errorPaint.bold(clean(runId))}`);
  aside(`${clean(input.function)} for ${clean(by)} of ${clean(from)}`);
}
