import type { Command } from 'commander';
import type { Check, OnTemporalEvent } from '../..';
import { NOT_DONE, OK } from '../exit';
import { withExamples } from '../help';
import { withJson, withProject, type ReadingOptions } from '../options';
import { cleanLines, padEnd } from '../../display/text';
import { aside, paint, print, printJson } from '../terminal';

const NAME_WIDTH = 10;

export function define(command: Command): void {
  withExamples(command, ['doctor']);
  withJson(withProject(command)).action(async (options: ReadingOptions) => {
    const checks: Check[] = [];
    const { Project }: typeof import('../..') = require('../..');
    const { project: projectDir, ...flags } = options;
    for await (const check of Project.check({ projectDir, flags, onEvent: tellFetching })) {
      checks.push(check);
      if (options.json !== true) print(line(check));
    }
    const ok = checks.every((check) => check.ok);
    if (options.json === true) printJson({ ok, checks });
    process.exitCode = ok ? OK : NOT_DONE;
  });
}

const tellFetching: OnTemporalEvent = ({ type, message }) => {
  if (type !== 'binaryFound') aside(message);
};

function line({ name, ok, message }: Check): string {
  const indented = cleanLines(message).replaceAll('\n', `\n${' '.repeat(NAME_WIDTH + 3)}`);
  return `${ok ? paint.green('✓') : paint.red('✗')} ${padEnd(name, NAME_WIDTH)} ${indented}`;
}
