/** Starts runners on Node. */
import { join } from 'node:path';
import type { RunnerOptions } from '../runner';
import { RunnerProcess } from '../runner-process';

const ENTRY = join(__dirname, 'main.js');
/**
 * V8's limit is below the cap, so that V8 itself reports a heap that grows too large; the rest is for Buffers
 * and DuckDB.
 */
const HEAP_SHARE = 0.9;
const MIN_HEAP_MB = 64;

export function start(options: RunnerOptions): RunnerProcess {
  const heapMb = Math.max(MIN_HEAP_MB, Math.floor((options.memoryBytes * HEAP_SHARE) / 2 ** 20));
  return new RunnerProcess(
    {
      command: process.execPath,
      args: [
        `--max-old-space-size=${heapMb}`,
        '--enable-source-maps',
        '--no-warnings',
        ENTRY,
        String(process.pid),
      ],
      words: {
        exhausted: {
          pattern: /heap out of memory|Reached heap limit|Ineffective mark-compacts/,
          filled: 'its JavaScript heap',
        },
        useLess: 'Read the rows in chunks (for await … of data)',
        exitHandler: "an exit handler (process.on('exit', …))",
        insteadOfExit: 'Return or throw instead of calling process.exit',
      },
    },
    options,
  );
}
