/** What may come next on a command line. */
import { Command, type Option } from 'commander';
import { COMMANDS, loadCommand } from './commands';
import { RUN_ID } from './last-run';

/** What the word at the cursor may be. */
export interface Completion {
  words: readonly string[];
  /** Whether it may be a run id. */
  isRun: boolean;
}

/**
 * @param words the words after `partwise`, up to the cursor; the last one is incomplete
 */
export function completionOf(words: readonly string[]): Completion {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  const [name, ...rest] = before;
  if (name === undefined) return { words: [...COMMANDS.map((each) => each.name), 'help'], isRun: false };
  if (!COMMANDS.some((each) => each.name === name)) return { words: [], isRun: false };
  const command = new Command(name);
  loadCommand(name).define(command);
  return completionIn(command, rest, current);
}

function visibleCommands(command: Command): string[] {
  return command
    .helpCommand(false)
    .createHelp()
    .visibleCommands(command)
    .map((each) => each.name());
}

function completionIn(command: Command, before: readonly string[], current: string): Completion {
  const own = command.commands.find((each) => each.name() === before[0]);
  if (own !== undefined) return completionIn(own, before.slice(1), current);
  const { options } = command;
  const optionOf = (word = ''): Option | undefined =>
    options.find(({ long, short }) => word !== '' && [long, short].includes(word));
  const last = optionOf(before.at(-1));
  if (last?.required === true) return { words: last.argChoices ?? [], isRun: last.long === '--run' };
  if (current.startsWith('-'))
    return { words: options.flatMap(({ long }) => long ?? []).concat('--help'), isRun: false };
  const subcommands = before.length === 0 ? visibleCommands(command) : [];
  const given = before.filter(
    (word, i) => !word.startsWith('-') && optionOf(before[i - 1])?.required !== true,
  );
  const argument = command.registeredArguments[given.length];
  return {
    words: [...subcommands, ...(argument?.argChoices ?? [])],
    isRun: argument?.description.startsWith(RUN_ID) ?? false,
  };
}
