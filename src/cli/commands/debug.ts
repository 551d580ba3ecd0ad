import { resolve } from 'node:path';
import type { Command } from 'commander';
import { isFailure } from '../../core/status';
import type { DebugEvent, DebugReport } from '../..';
import { ENDED_BADLY, Interrupted, OK } from '../exit';
import { withExamples } from '../help';
import { RUN_ID, runIdOf } from '../last-run';
import { suggesting } from '../invocation';
import { inProjectFolder, loadProject, withPartwise } from '../connect';
import { withFunctions, withJson, withProject, type ReadingOptions } from '../options';
import { toPartitionId } from '../../core/partition-name';
import { renderDebug } from '../render/debug';
import { logLine } from '../render/logs';
import { shellWord } from '../../core/shell-word';
import { plural } from '../../display/text';
import { aside, errorPaint, note, paint, print, printJson, widthOfTerminal } from '../terminal';

interface DebugCommandOptions extends ReadingOptions {
  inspect?: boolean;
  pdb?: boolean;
  sql?: string;
  functions?: string;
}

const NOTES = `The function gets the run's parameters and the rows that the run pinned. Its uploads are discarded;
the run and its stage are not changed. Time and memory limits are not enforced.
A function in Python has the terminal: breakpoint() works in it. --inspect needs its package debugpy.

Exit codes: 0 the function returned; 1 it threw; 2 it was not called.`;

export function define(command: Command): void {
  withExamples(command, ['debug regional-2024 North', 'debug regional-2024 North --inspect'], NOTES);
  const named = command
    .argument('<run>', RUN_ID)
    .argument('<partition>', 'partition id')
    .option('--inspect', 'wait for a debugger, and stop at the first line of the function')
    .option('--pdb', 'open pdb where the function raises an error (functions in Python only)')
    .option('--sql <query>', "run this query instead of the run's own (built-in function sql only)");
  withJson(withProject(withFunctions(named, " (default: the run's, else the project's)"))).action(debug);
}

async function debug(wanted: string, partition: string, options: DebugCommandOptions): Promise<void> {
  const { inspect, pdb: postMortem, sql, json } = options;
  const functions = options.functions === undefined ? undefined : resolve(options.functions);
  const controller = new AbortController();
  const onEvent = (event: DebugEvent): void => {
    // Not earlier: while the process waits for a debugger none of our code runs, and Ctrl-C must still end
    // it.
    if (event.type === 'calling' && !event.inTerminal) process.once('SIGINT', () => controller.abort());
    showEvent(event);
  };
  const config = await loadProject(options);
  await withPartwise(config, { needWorker: false }, async (partwise) => {
    try {
      const { signal } = controller;
      const id = toPartitionId(partition);
      const runId = await runIdOf(partwise, wanted);
      const report = await inProjectFolder(config, () =>
        partwise.debug(runId, id, { inspect, postMortem, sql, functions, signal, onEvent }),
      );
      if (json === true) printJson(report);
      else print(renderDebug(report, widthOfTerminal(), paint));
      if (isFixed(report))
        aside(`To rerun it in the run: ${suggesting(options)(`retry ${shellWord(runId)}`)}`);
      process.exitCode = report.now.error === null ? OK : ENDED_BADLY;
    } catch (error) {
      throw controller.signal.aborted ? new Interrupted('Stopped; the run is not affected.') : error;
    }
  });
}

function isFixed({ now, recorded }: DebugReport): boolean {
  return now.status === 'DONE' && recorded != null && isFailure(recorded.status);
}

function showEvent(event: DebugEvent): void {
  switch (event.type) {
    case 'waiting':
      if (event.portTaken) {
        const port = new URL(event.url).port;
        note(
          `Port 9229 is in use, so the debugger listens on port ${port}: give that port to your editor, or add ` +
            `"127.0.0.1:${port}" under "Configure" in chrome://inspect.`,
        );
      }
      note(`Waiting for a debugger at ${event.url} (chrome://inspect, or "Attach" in an editor).`);
      return;
    case 'calling':
      aside(`Calling the function on ${plural(event.rows, 'row')}, as attempt ${event.attempt} …`);
      return;
    case 'log':
      note(logLine(event.entry, errorPaint));
  }
}
