/** Options that are given more than once. */
import type { Command } from 'commander';

/** Collects the values of a repeatable option. */
export const SEVERAL = (value: string, before: string[] = []): string[] => [...before, value];

/**
 * Refuses any other option that is given twice, also by subcommands: commander keeps the last value and drops
 * the others silently.
 */
export function refuseRepeated(command: Command): void {
  for (const option of command.options) {
    if (option.parseArg === SEVERAL || option.variadic) continue;
    let isGiven = false;
    command.on(`option:${option.name()}`, () => {
      if (isGiven)
        command.error(
          `error: ${option.long} is given twice, and can be given only once: remove one of the two.`,
        );
      isGiven = true;
    });
  }
  command.commands.forEach(refuseRepeated);
}
