import type { Command } from 'commander';
import { executionOf, reading } from '../connect';
import { CannotDo } from '../exit';
import { withExamples } from '../help';
import { RUN_ID, runIdOf } from '../last-run';
import { withJson, withProject, wholeNumber, type ReadingOptions } from '../options';
import { renderComparison } from '../render/comparison';
import { paint, print, printJson, widthOfTerminal } from '../terminal';

interface CompareOptions extends ReadingOptions {
  all?: boolean;
  executionA?: number;
  executionB?: number;
}

const NOTES = `Partitions are joined by id. What has changed for a partition is its source rows, the function's code,
its params (or models), or the versions of Python and its packages. Changed rows are known exactly
for runs with one snapshot and for runs of a series (--series); otherwise only by their number.`;

export function define(command: Command): void {
  withExamples(command, ['compare monday tuesday', 'compare regional-2024 --execution-a 1'], NOTES);
  command
    .argument('<a>', RUN_ID)
    .argument('[b]', 'the other run (default: the same run, to compare two of its executions)')
    .option('--execution-a <n>', 'read this execution of the first run', wholeNumber)
    .option('--execution-b <n>', 'read this execution of the second run', wholeNumber)
    .option('--all', 'list all partitions that differ, not only the first 20');
  withJson(withProject(command)).action(compare);
}

async function compare(a: string, b: string | undefined, options: CompareOptions): Promise<void> {
  if (b === undefined && options.executionA === undefined && options.executionB === undefined)
    throw new CannotDo('name another run, or an execution of this one with --execution-a or --execution-b.');
  await reading(options, async (partwise) => {
    const first = await runIdOf(partwise, a);
    const second = b === undefined ? first : await runIdOf(partwise, b);
    const from = await executionOf(partwise.getRun(first), { execution: options.executionA });
    const to = await executionOf(partwise.getRun(second), { execution: options.executionB });
    const comparison = await from.compare(to, options.all === true ? { examples: Infinity } : {});
    if (options.json === true) {
      const { columns: _, order: __, ...rest } = comparison;
      return printJson(rest);
    }
    print(renderComparison(comparison, widthOfTerminal(), paint));
  });
}
