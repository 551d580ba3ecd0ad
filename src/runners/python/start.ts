/** Starts runners on Python. */
import { join } from 'node:path';
import type { RunnerOptions } from '../runner';
import { RunnerProcess } from '../runner-process';
import { PYTHON_FOLDER } from './interpreter';

const ENTRY = join(PYTHON_FOLDER, 'partwise', '_runner', '__main__.py');

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
  const threads = String(options.threads ?? 1);
  return new RunnerProcess(
    {
      command: options.python ?? 'python3',
      args: ['-X', 'utf8', ENTRY, String(process.pid)],
      environment: {
        ...Object.fromEntries(THREADS.map((name) => [name, threads])),
        // Sets of text have the same order when a partition is called again.
        PYTHONHASHSEED: '0',
      },
      words: {
        exhausted: { pattern: /^MemoryError/m, filled: 'its memory' },
        useLess: 'Read the rows in batches (data_connector.iter_batches())',
        exitHandler: 'an exit handler (atexit)',
        insteadOfExit: 'Return or raise instead of calling os._exit',
      },
    },
    options,
  );
}
