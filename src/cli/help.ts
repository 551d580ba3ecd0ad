/** Layout of a command's help: options grouped under headings in a fixed order, then examples. */
import { Help, type Command } from 'commander';

/**
 * Option headings, in the order in which help shows them. A command shows only the headings it has options
 * for.
 */
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
  // If all of a command's own options are under other headings, --help comes last.
  const rank = ([heading, { length }]: (typeof groups)[number]): number =>
    heading === GROUP.own && length === 1 && groups.length > 1 ? ORDER.length : ORDER.indexOf(heading);
  return new Map(groups.sort((a, b) => rank(a) - rank(b)));
};

/**
 * Adds examples, which work as written once such a run or file exists, followed by `notes`.
 */
export function withExamples(command: Command, examples: readonly string[], notes = ''): Command {
  const lines = examples.map((line) => `  partwise ${line}`).join('\n');
  const title = examples.length === 1 ? 'Example' : 'Examples';
  return command.addHelpText('after', `\n${title}:\n${lines}${notes === '' ? '' : `\n\n${notes}`}`);
}
