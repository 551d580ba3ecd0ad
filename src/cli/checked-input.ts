/** Turns flags into input, and reports every problem before connecting to or starting anything (I9). */
import { resolve } from 'node:path';
import type { RunInput, RetryInput } from '../core/input';
import { CannotDo } from './exit';
import { inFlagWords, toRunInput, type RunFlags } from './run-flags';

export async function checkedInput(
  functionName: string | undefined,
  flags: RunFlags & { runId?: string },
  projectDir: string,
): Promise<RunInput> {
  const { parseRunInput }: typeof import('../input/parse-input') = require('../input/parse-input');
  const { runIdProblem }: typeof import('../input/run-id') = require('../input/run-id');
  const input = toRunInput(functionName, flags, { projectDir, cwd: process.cwd() });
  const report = parseRunInput(input);
  const badId = flags.runId === undefined ? null : runIdProblem(flags.runId);
  const problems = [
    ...(badId === null ? [] : [badId]),
    ...(report.ok ? [] : report.problems.map(inFlagWords)),
  ];
  refuseAny(problems);
  return input;
}

/** The same for the changes of a retry. */
export function checkedChanges(flags: RunFlags & { rerunMissing?: boolean }, projectDir: string): RetryInput {
  const { changeProblems }: typeof import('../input/continue-input') = require('../input/continue-input');
  const changes = toRunInput(undefined, flags, { projectDir, cwd: process.cwd() });
  const { only, sql, output, notify, options } = changes;
  const input = Object.fromEntries(
    Object.entries({
      only,
      rerunMissing: flags.rerunMissing,
      sql,
      output,
      notify,
      options,
      functions: flags.functions && resolve(flags.functions),
    }).filter(([, value]) => value !== undefined),
  );
  refuseAny(changeProblems(input).map(inFlagWords));
  return input;
}

function refuseAny(problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new CannotDo(
    problems.length === 1
      ? problems[0]
      : `the run cannot be started:\n${problems.map((problem) => `- ${problem}`).join('\n')}`,
  );
}
