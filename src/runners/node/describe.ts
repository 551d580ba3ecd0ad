/** What a bundle exports, found out in a process of its own: loading it runs the user's code. */
import type { ErrorInfo } from '../../core/outcome';
import { loadingProblem } from './loading-problem';
import { RunnerProcess } from './process';
import { describedFunctions } from '../check-message';
import type { FunctionDescription } from '../../core/function-description';

const TIMEOUT_MS = 20_000;
const MEMORY_BYTES = 2_000_000_000;

/** The functions file builds but cannot be used: it throws while loading, hangs, or names two functions alike. */
class FunctionsUnusable extends Error {
  override name = 'FunctionsUnusable';
  readonly nonRetryable = true;
  constructor(readonly info: ErrorInfo) {
    super(info.message);
    if (info.stack !== null) this.stack = info.stack;
  }
}

/** Throws `FunctionsUnusable`. */
export async function describeFunctions(
  bundle: string,
  passEnv: readonly string[] = [],
): Promise<FunctionDescription[]> {
  const runner = new RunnerProcess(MEMORY_BYTES, passEnv);
  let timer: NodeJS.Timeout | undefined;
  try {
    const answer = await Promise.race([
      new Promise<NonNullable<ReturnType<typeof describedFunctions>>>((resolve) => {
        runner.on('message', (message) => {
          const described = describedFunctions(message);
          if (described === null) runner.reject('does not describe the functions of the file');
          else resolve(described);
        });
        runner.send({ type: 'describe', bundle });
      }),
      runner.exited.then(({ error }) =>
        failure('The process that loaded the functions file died', error.message),
      ),
      new Promise<never>((_, reject) => {
        timer = setTimeout(
          () =>
            reject(
              unusable(
                `The functions file did not finish loading within ${TIMEOUT_MS / 1000} s. Move slow work into a function's run.`,
              ),
            ),
          TIMEOUT_MS,
        );
      }),
    ]);
    if (answer.error !== null) {
      throw new FunctionsUnusable({ ...answer.error, message: loadingProblem(answer.error, bundle) });
    }
    return answer.functions;
  } finally {
    clearTimeout(timer);
    await runner.kill();
  }
}

function failure(what: string, why: string): never {
  throw unusable(`${what}: ${why}`);
}

function unusable(message: string): FunctionsUnusable {
  return new FunctionsUnusable({ type: 'FunctionsUnusable', message, stack: null });
}
