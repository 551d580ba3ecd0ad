#!/usr/bin/env node
/** `partwise`: argv → one library call → print. */
import '../files/compile-cache';
import { Command, CommanderError } from 'commander';
import { COMMANDS, loadCommand } from './commands';
import { groupItems } from './help';
import { DETACHED, Interrupted, NOT_DONE, OK, reportError } from './exit';
import { refuseRepeated } from './repeated';
import { packageVersion } from '../files/package-version';
import { drained, endOnFailedOutput, note } from './terminal';

async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('partwise')
    .description('Run a function for every partition of a table, durably.')
    .version(packageVersion(), '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print help for a command')
    .showHelpAfterError('(run partwise --help for the commands, or partwise COMMAND --help for its options)')
    .configureHelp({ groupItems })
    .enablePositionalOptions()
    .exitOverride();
  const chosen = argv.find((word) => !word.startsWith('-') && word !== 'help');
  for (const { name, summary } of COMMANDS) {
    const command = program.command(name).summary(summary).description(sentence(summary));
    if (name !== chosen) continue;
    loadCommand(name).define(command);
    refuseRepeated(command);
  }
  await program.parseAsync(argv, { from: 'user' });
}

function sentence(summary: string): string {
  return `${summary[0]!.toUpperCase()}${summary.slice(1)}.`;
}

async function runToExit(): Promise<void> {
  endOnFailedOutput(NOT_DONE);
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has already printed the problem, the help or the version; only a problem is a failure.
      process.exitCode = error.exitCode === 0 ? OK : NOT_DONE;
    } else if (error instanceof Interrupted) {
      note(error.message);
      process.exitCode = DETACHED;
    } else {
      reportError(error);
      process.exitCode = NOT_DONE;
    }
  }
  await drained();
  process.exit();
}

void runToExit();
