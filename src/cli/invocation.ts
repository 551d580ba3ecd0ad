/** How this command was invoked, so that the commands it suggests work when pasted into the same shell. */
import { basename, relative } from 'node:path';
import type { RunReadingOptions } from './options';
import { shellWord } from '../core/shell-word';

export type Suggest = (command: string) => string;

/** `status r-1` → `npx partwise status r-1 --project demo`. */
export function suggesting(
  options: RunReadingOptions,
  script = process.argv[1] ?? '',
  cwd = process.cwd(),
): Suggest {
  const program = programName(script, cwd);
  const flags = [
    ['--project', options.project],
    ['--address', options.address],
    ['--namespace', options.namespace],
    ['--profile', options.profile],
    ['--task-queue', options.taskQueue],
    ['--history', options.history],
  ].flatMap(([flag, value]) => (value === undefined ? [] : [` ${flag} ${shellWord(value)}`]));
  return (command) => `${program} ${command}${flags.join('')}`;
}

/** The current command line without one of its options (one that takes a value). */
export function repeatedWithout(
  flag: string,
  argv: readonly string[] = process.argv.slice(2),
  script = process.argv[1] ?? '',
  cwd = process.cwd(),
): string {
  const words = argv.filter(
    (word, i) => word !== flag && !word.startsWith(`${flag}=`) && argv[i - 1] !== flag,
  );
  return [programName(script, cwd), ...words.map(shellWord)].join(' ');
}

function programName(script: string, cwd: string): string {
  if (/[\\/]node_modules[\\/]/.test(script)) return 'npx partwise';
  if (/^partwise(\.cmd)?$/.test(basename(script))) return 'partwise';
  return `node ${shellWord(relative(cwd, script))}`;
}
