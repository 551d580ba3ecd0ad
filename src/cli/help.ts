/** How the help of commands is laid out: options under headings in one order, then examples. */
import { Help, type Command } from 'commander';

/** Headings of options, in the order of the help; a command has those it has options for. */
export const GROUP = {
  own: 'Options:',
  source: 'Source:',
  work: 'What to run:',
  failures: 'Failure policy:',
  limits: 'Time and memory:',
  output: 'Output:',
  models: 'Models:',
  connection: 'Connection:',
} as const;

const ORDER: readonly string[] = ['Arguments:', ...Object.values(GROUP), 'Commands:'];

/** For commander's `configureHelp`. */
export const groupItems: Help['groupItems'] = (items, visible, headingOf) => {
  const groups = [...Help.prototype.groupItems(items, visible, headingOf)];
  // Of a command whose options all have a heading, --help comes last.
  const rank = ([heading, { length }]: (typeof groups)[number]): number =>
    heading === GROUP.own && length === 1 && groups.length > 1 ? ORDER.length : ORDER.indexOf(heading);
  return new Map(groups.sort((a, b) => rank(a) - rank(b)));
};

/**
 * Command lines that work as they stand, once there is such a run or a file; `notes` are shown below them.
 */
export function withExamples(command: Command, examples: readonly string[], notes = ''): Command {
  const lines = examples.map((line) => `  partwise ${line}`).join('\n');
  const title = examples.length === 1 ? 'Example' : 'Examples';
  return command.addHelpText('after', `\n${title}:\n${lines}${notes === '' ? '' : `\n\n${notes}`}`);
}
