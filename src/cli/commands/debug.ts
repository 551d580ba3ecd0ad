import { resolve } from 'node:path';
import type { Command } from 'commander';
import { isFailure } from '../../core/status';
import type { DebugEvent, DebugReport } from '../..';
import { ENDED_BADLY, Interrupted, OK } from '../exit';
import { withExamples } from '../help';
import { suggesting } from '../invocation';
import { toPartitionId } from '../partition-argument';
import { reading, withJson, withProject, type ReadingOptions } from '../project';
import { renderDebug } from '../render/debug';
import { logLine } from '../render/logs';
import { shellWord } from '../render/next-commands';
import { plural } from '../render/text';
import { aside, errorPaint, note, paint, print, printJson, widthOfTerminal } from '../terminal';

interface DebugCommandOptions extends ReadingOptions {
  inspect?: boolean;
  sql?: string;
  functions?: string;
}

const NOTES = `The function gets the rows that the run pinned, and the run's parameters. What it uploads is kept nowhere, and neither the run nor
its stage is changed. The limits of time and memory do not hold here.

Exit codes: 0 the function returned; 1 it threw; 2 it was not called.`;

export function define(command: Command): void {
  withExamples(command, ['debug regional-2024 North', 'debug regional-2024 North --inspect'], NOTES);
  command
    .argument('<run>', 'run id')
    .argument('<partition>', 'partition id')
    .option('--inspect', 'wait for a debugger, and stop at the function')
    .option('--sql <query>', "for the built-in function sql: this query instead of the run's")
    .option(
      '--functions <file>',
      "the file that exports the functions (default: the run's, else the project's)",
    );
  withJson(withProject(command)).action(debug);
}

async function debug(runId: string, partition: string, options: DebugCommandOptions): Promise<void> {
  const { inspect, sql, json } = options;
  const functions = options.functions === undefined ? undefined : resolve(options.functions);
  const controller = new AbortController();
  const onEvent = (event: DebugEvent): void => {
    // Not before: nothing of ours runs while the process waits for a debugger, and Ctrl-C must end it all the
    // same.
    if (event.type === 'calling') process.once('SIGINT', () => controller.abort());
    tell(event);
  };
  await reading(options, async (partwise) => {
    try {
      const { signal } = controller;
      const id = toPartitionId(partition);
      const report = await partwise.debug(runId, id, { inspect, sql, functions, signal, onEvent });
      if (json === true) printJson(report);
      else print(renderDebug(report, widthOfTerminal(), paint));
      if (isMended(report))
        aside(`To run it again in the run: ${suggesting(options)(`retry ${shellWord(runId)}`)}`);
      process.exitCode = report.now.error === null ? OK : ENDED_BADLY;
    } catch (error) {
      throw controller.signal.aborted ? new Interrupted('Stopped; the run is not touched by it.') : error;
    }
  });
}

function isMended({ now, recorded }: DebugReport): boolean {
  return now.status === 'DONE' && recorded != null && isFailure(recorded.status);
}

function tell(event: DebugEvent): void {
  switch (event.type) {
    case 'waiting':
      note(`Waiting for a debugger at ${event.url} (chrome://inspect, or "Attach" in an editor).`);
      return;
    case 'calling':
      aside(`Calling it on ${plural(event.rows, 'row')}, as attempt ${event.attempt} …`);
      return;
    case 'log':
      note(logLine(event.entry, errorPaint));
  }
}
