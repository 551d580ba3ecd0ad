/**
 * A thread of the runner that goes on while the main thread is busy or blocked: it ends the process group when the worker is
 * gone, and reports resident memory, as lines of JSON on file descriptor 4.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

/** A function can fill memory at a gigabyte a second: 50 ms leave little time to pass the cap unseen. */
const POLL_MS = 50;
const REPORT_CHANGE = 0.01;
const MEMORY_FD = 4;

/** What a line on file descriptor 4 holds. */
export interface MemoryReport {
  rss: number;
}

/** Starts the thread. `workerPid` is the process that started this one. */
export function startWatchdog(workerPid: number): void {
  const thread = new Worker(join(__dirname, 'watchdog.js'), {
    workerData: { workerPid },
    stdout: false,
    stderr: false,
  });
  thread.unref();
}

function watch(workerPid: number): void {
  let reported = 0;
  setInterval(() => {
    // enforces I5, I12: nothing of a lost worker keeps running.
    if (process.ppid !== workerPid) process.kill(-process.pid, 'SIGKILL');
    const rss = process.memoryUsage.rss();
    if (Math.abs(rss - reported) <= reported * REPORT_CHANGE) return;
    try {
      writeSync(MEMORY_FD, `${JSON.stringify({ rss } satisfies MemoryReport)}\n`);
      reported = rss;
    } catch {
      // The worker reads slowly or is going away; the next round tells.
    }
  }, POLL_MS);
}

if (!isMainThread) watch((workerData as { workerPid: number }).workerPid);
