/** Starts runners on Python. */
import { join } from 'node:path';
import { runnerEnvironment } from '../environment';
import type { RunnerOptions } from '../runner';
import { RunnerProcess } from '../runner-process';
import { PYTHON_FOLDER } from './interpreter';
import { stackOf } from './where';
import { giveUp, zygoteOf } from './zygote';

/** Needs nothing but the standard library, so it starts without looking for packages. */
const GUARD = ['-I', '-S', join(PYTHON_FOLDER, 'partwise', '_runner', 'guard.py')];

/**
 * Numerical libraries start a thread for every core, in every process: two processes with two threads each on
 * two cores are many times slower than with one each.
 */
const THREADS = [
  'OMP_NUM_THREADS',
  'OPENBLAS_NUM_THREADS',
  'MKL_NUM_THREADS',
  'BLIS_NUM_THREADS',
  'VECLIB_MAXIMUM_THREADS',
  'NUMEXPR_MAX_THREADS',
  'POLARS_MAX_THREADS',
  'RAYON_NUM_THREADS',
  'LOKY_MAX_CPU_COUNT',
];

export function start(options: RunnerOptions): RunnerProcess {
  const { memoryBytes, bundle = null, passEnv = [], python: executable = 'python3' } = options;
  const threads = String(options.threads ?? 1);
  const environment = {
    ...Object.fromEntries(THREADS.map((name) => [name, threads])),
    // Sets of text have the same order when a partition is called again.
    PYTHONHASHSEED: '0',
  };
  // A process that only describes a functions file is not worth preparing for.
  const zygote =
    bundle === null
      ? null
      : zygoteOf(executable, [threads, passEnv], {
          ...environment,
          ...runnerEnvironment(process.env, passEnv),
        });
  const prepared = zygote === null ? [] : [String(zygote.pid), zygote.socket, bundle!];
  return new RunnerProcess(
    {
      command: executable,
      args: [...GUARD, String(process.pid), String(memoryBytes), ...prepared],
      environment,
      words: {
        exhausted: { pattern: /^MemoryError/m, filled: 'its memory' },
        useLess: 'Read the rows in batches (data_connector.iter_batches())',
        exitHandler: 'an exit handler (atexit)',
        insteadOfExit: 'Return or raise instead of calling os._exit',
        stackOf,
      },
      onReport(line) {
        if (line === 'no zygote' && zygote !== null) giveUp(zygote);
      },
    },
    options,
  );
}
