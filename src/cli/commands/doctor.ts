import type { Command } from 'commander';
import type { Check } from '../../core/check';
import { checkProject } from '../doctor-checks';
import { NOT_DONE, OK } from '../exit';
import { withExamples } from '../help';
import { withJson, withoutServer, withProject, type ReadingOptions } from '../project';
import { cleanLines, padEnd } from '../render/text';
import { aside, paint, print, printJson } from '../terminal';

const NAME_WIDTH = 10;

export function define(command: Command): void {
  withExamples(command, ['doctor']);
  withJson(withProject(command)).action(async (options: ReadingOptions) => {
    const checks: Check[] = [];
    await withoutServer(async () => {
      for await (const check of checkProject(options, aside)) {
        checks.push(check);
        if (options.json !== true) print(line(check));
      }
    });
    const ok = checks.every((check) => check.ok);
    if (options.json === true) printJson({ ok, checks });
    process.exitCode = ok ? OK : NOT_DONE;
  });
}

function line({ name, ok, message }: Check): string {
  const indented = cleanLines(message).replaceAll('\n', `\n${' '.repeat(NAME_WIDTH + 3)}`);
  return `${ok ? paint.green('✓') : paint.red('✗')} ${padEnd(name, NAME_WIDTH)} ${indented}`;
}
