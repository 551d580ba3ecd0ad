/** Bundles a functions file in any language, and finds out which functions it defines. */
import { existsSync } from 'node:fs';
import type { ErrorInfo } from '../core/outcome';
import type { FunctionDescription } from '../core/function-description';
import { describedFunctions } from './message-shapes';
import { FunctionsBuildError, type FunctionBundle } from './language';
import { languageOfBundle, languageOfSource, SOURCE_ENDINGS } from './languages';
import type { RunnerOptions, RunnerProject } from './runner';

const MEMORY_BYTES = 2_000_000_000;

/**
 * The functions file builds but cannot be used: it throws while loading, hangs, or has two functions of the
 * same name.
 */
class FunctionsUnusable extends Error {
  override name = 'FunctionsUnusable';
  readonly nonRetryable = true;
  constructor(readonly info: ErrorInfo) {
    super(info.message);
    if (info.stack !== null) this.stack = info.stack;
  }
}

/** Throws `FunctionsBuildError`. */
export async function bundleFunctions(
  file: string,
  folder: string,
  project: RunnerProject = {},
): Promise<FunctionBundle> {
  if (!existsSync(file)) {
    throw new FunctionsBuildError([
      `There is no functions file "${file}". Create it, or name another with --functions FILE.`,
    ]);
  }
  const language = languageOfSource(file);
  if (language === null) {
    throw new FunctionsBuildError([
      `The functions file "${file}" has an unsupported extension. Use one of ${SOURCE_ENDINGS.join(', ')}.`,
    ]);
  }
  return language.bundle(file, folder, project);
}

/** Uses a separate process, since loading the bundle runs the user's code. Throws `FunctionsUnusable`. */
export async function describeFunctions(
  bundle: string,
  options: Pick<RunnerOptions, 'passEnv'> & RunnerProject = {},
): Promise<FunctionDescription[]> {
  const language = languageOfBundle(bundle)!;
  const runner = language.start({ memoryBytes: MEMORY_BYTES, ...options });
  let timer: NodeJS.Timeout | undefined;
  try {
    const answer = await Promise.race([
      new Promise<NonNullable<ReturnType<typeof describedFunctions>>>((resolve) => {
        runner.listen({
          onMessage: (message) => {
            const described = describedFunctions(message);
            if (described === null) runner.reject('does not describe the functions of the file');
            else resolve(described);
          },
        });
        runner.send({ type: 'describe', bundle });
      }),
      runner.exited.then(({ error }) => {
        throw unusable(`The process that loaded the functions file died: ${error.message}`);
      }),
      new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => reject(unusable(stillLoading(language.loadingTimeoutMs))),
          language.loadingTimeoutMs,
        );
      }),
    ]);
    if (answer.error !== null) {
      throw new FunctionsUnusable({
        ...answer.error,
        message: language.loadingProblem(answer.error, bundle),
      });
    }
    return answer.functions;
  } finally {
    clearTimeout(timer);
    await runner.kill();
  }
}

function stillLoading(ms: number): string {
  return `The functions file did not finish loading within ${ms / 1000} s. Move slow work into a function's run.`;
}

function unusable(message: string): FunctionsUnusable {
  return new FunctionsUnusable({ type: 'FunctionsUnusable', message, stack: null });
}
