/** Turns flags into input, and reports every problem before connecting to or starting anything (I9). */
import { resolve } from 'node:path';
import type { RetryInput, RunInput } from '..';
import { refusal } from './flag-words';
import type { RunFlags } from './run-flags';
import { toRunInput } from './run-input';

export async function checkedInput(
  functionName: string | undefined,
  flags: RunFlags & { runId?: string },
  projectDir: string,
): Promise<RunInput> {
  const { inputProblems }: typeof import('..') = require('..');
  const input = toRunInput(functionName, flags, { projectDir, cwd: process.cwd() });
  refuseAny(inputProblems(input, { runId: flags.runId }));
  return input;
}

export interface RetryFlags extends RunFlags {
  failedWith?: string;
  ordinals?: string;
  rerunMissing?: boolean;
}

/** The same for the changes of a retry. */
export function checkedChanges(flags: RetryFlags, projectDir: string): RetryInput {
  const { retryProblems }: typeof import('..') = require('..');
  const changes = toRunInput(undefined, flags, { projectDir, cwd: process.cwd() });
  const { only, sql, output, notify, options } = changes;
  const input = Object.fromEntries(
    Object.entries({
      only,
      failedWith: flags.failedWith,
      ordinals: flags.ordinals,
      rerunMissing: flags.rerunMissing,
      sql,
      output,
      notify,
      options,
      functions: flags.functions && resolve(flags.functions),
    }).filter(([, value]) => value !== undefined),
  );
  refuseAny(retryProblems(input));
  return input;
}

function refuseAny(problems: readonly string[]): void {
  if (problems.length > 0) throw refusal('the run cannot be started', problems);
}
