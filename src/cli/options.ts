/** Options that commands share. */
import { resolve } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { ConfigFlags } from '../config';
import type { Places } from '..';
import { splitReference } from '../core/function-reference';
import { CannotDo } from './exit';
import { GROUP } from './help';
import { RUN_ID } from './last-run';

export interface ProjectFlags extends ConfigFlags {
  project?: string;
}

export interface ReadingOptions extends ProjectFlags {
  json?: boolean;
}

/** For commands that read one run. */
export interface RunReadingOptions extends ReadingOptions {
  history?: string;
  execution?: number;
}

/** Adds the run argument, and --history to read the run from a file instead of a server. */
export function withRun(command: Command): Command {
  return withHistory(command.argument('[run]', `${RUN_ID} (not needed with --history)`)).option(
    '--execution <n>',
    'show the state after this execution; 1 is the one before the first retry (default: the latest)',
    wholeNumber,
  );
}

export function withHistory(command: Command): Command {
  return command.option(
    '--history <file>',
    'read the run from an archive or an exported history, without a server',
  );
}

export function withProject(command: Command): Command {
  return command
    .optionsGroup(GROUP.connection)
    .option('--project <dir>', 'project folder (default: nearest one, searching upwards from here)')
    .option('--address <host:port>', 'Temporal server (default: the embedded server)')
    .option('--namespace <name>', 'Temporal namespace')
    .option('--profile <name>', "profile from Temporal's configuration file")
    .option('--task-queue <name>', 'task queue of the workers')
    .optionsGroup(GROUP.own);
}

export function withJson(command: Command): Command {
  return command
    .optionsGroup(GROUP.output)
    .option('--json', 'print a single JSON document to standard output')
    .optionsGroup(GROUP.own);
}

/**
 * For commands that load functions. `fallback` says what is loaded without `--functions`, if it is not the
 * project's.
 */
export function withFunctions(command: Command, fallback = ''): Command {
  return command
    .option('--functions <file>', `file that has the functions${fallback}`)
    .option(
      '--python <interpreter>',
      'interpreter for functions in Python (default: the activated environment, .venv, or python3)',
    );
}

/** `FILE:NAME` is short for `NAME --functions FILE`. */
export function namedFunction<Flags extends { functions?: string }>(
  reference: string | undefined,
  flags: Flags,
): { name: string | undefined; flags: Flags } {
  const parts = reference === undefined ? null : splitReference(reference);
  if (parts === null) return { name: reference, flags };
  const { file, name } = parts;
  if (name === '')
    throw new CannotDo(`"${reference}" names no function: add its name, as in "${file}:summarize".`);
  if (flags.functions !== undefined && resolve(flags.functions) !== resolve(file))
    throw new CannotDo(
      `"${reference}" and --functions name two files, "${file}" and "${flags.functions}". Name one.`,
    );
  return { name, flags: { ...flags, functions: file } };
}

/**
 * An option that takes one of the `CHOICES`; its other values are refused together with all problems of the
 * input. `byDefault` null: the first word is not the default.
 */
export function choiceOption(
  flags: string,
  summary: string,
  words: readonly string[],
  byDefault: string | null = words[0]!,
): Option {
  return new Option(flags, byDefault === null ? summary : `${summary} (default: ${byDefault})`)
    .choices(words)
    .argParser((text: string) => text);
}

/** The option `--status`, case-insensitive. */
export function statusOption<Status extends string>(statuses: readonly Status[]): Option {
  return new Option('--status <status>', 'only those with this status')
    .choices(statuses)
    .argParser((text: string) => {
      const status = statuses.find((each) => each === text.toUpperCase());
      if (status !== undefined) return status;
      throw new InvalidArgumentError(`Use one of ${statuses.join(', ')}.`);
    });
}

/** For options that take a whole number. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
}

export function atLeastOne(text: string): number {
  const n = wholeNumber(text);
  if (n > 0) return n;
  throw new InvalidArgumentError('Give a whole number, 1 or more.');
}

export function toPort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65_536) return Number(text);
  throw new InvalidArgumentError('Give a port from 1 to 65535.');
}

/** How warehouses and stages are named. */
export function places(): Places {
  const { Project }: typeof import('..') = require('..');
  return Project.places();
}
