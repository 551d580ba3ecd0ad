/**
 * A thread of the runner that goes on while the main thread is busy or blocked. It reports resident memory to
 * the worker, and ends the process group when the worker is gone, or has not said for too long that it is
 * still there: a worker that is stopped cannot end its functions, and its server has given them to another
 * one.
 *
 * Lines on descriptor 4: from the runner, its resident bytes, and `exiting` each second while its exit
 * handlers run; from the worker, for how many milliseconds from now on the runner may go on without hearing
 * from it again, or `idle`.
 */
import { Socket } from 'node:net';
import { join } from 'node:path';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { LineReader } from '../line-reader';

export const WATCHDOG_FD = 4;

/** A function can fill memory at a gigabyte a second: 50 ms leave little time to pass the cap unseen. */
const POLL_MS = 50;
/**
 * A thread that slept longer was itself suspended, together with its worker as a rule: that does not count as
 * silence.
 */
const MAX_STEP_MS = 1_000;
/** Not only once: a message that the runner sent before may reach the worker after the first. */
const EXITING_EVERY_MS = 1_000;
const REPORT_CHANGE = 0.01;

interface WatchdogData {
  workerPid: number;
  /**
   * One 32-bit integer, not 0 once exit handlers run. They block the main thread, so it cannot send anything.
   */
  exiting: SharedArrayBuffer;
}

/**
 * Starts the thread. `workerPid` is the process that started this one. Returns what notes whether exit
 * handlers run: the first of them says that they do.
 */
export function startWatchdog(workerPid: number): (isExiting: boolean) => void {
  const exiting = new SharedArrayBuffer(4);
  const exitState = new Int32Array(exiting);
  const thread = new Worker(join(__dirname, 'watchdog.js'), {
    workerData: { workerPid, exiting } satisfies WatchdogData,
    stdout: false,
    stderr: false,
  });
  thread.unref();
  return (isExiting) => void Atomics.store(exitState, 0, Number(isExiting));
}

function watch({ workerPid, exiting }: WatchdogData): void {
  const socket = new Socket({ fd: WATCHDOG_FD });
  const end = (): void => void process.kill(-process.pid, 'SIGKILL');
  const exitState = new Int32Array(exiting);
  let exitReportedAt = -Infinity;
  let reported = 0;
  /** Milliseconds until the worker has been silent for too long; null: it may be. */
  let left: number | null = null;
  let lookedAt = performance.now();
  const lines = new LineReader((line) => {
    const ms = Number(line);
    left = Number.isFinite(ms) ? ms : null;
  });
  socket.on('data', (bytes: Buffer) => lines.take(bytes));
  // The worker has gone away; the next round sees it.
  socket.on('error', () => undefined);
  setInterval(() => {
    // enforces I5, I12: nothing of a lost worker keeps running.
    if (process.ppid !== workerPid) end();
    const now = performance.now();
    if (left !== null) {
      left -= Math.min(now - lookedAt, MAX_STEP_MS);
      // enforces I4: another worker may be running the partition by now.
      if (left <= 0) end();
    }
    lookedAt = now;
    if (Atomics.load(exitState, 0) !== 0 && now - exitReportedAt >= EXITING_EVERY_MS) {
      exitReportedAt = now;
      socket.write('exiting\n');
    }
    const rss = process.memoryUsage.rss();
    // Nor when the worker has not yet taken the report before.
    if (Math.abs(rss - reported) <= reported * REPORT_CHANGE || socket.writableLength > 0) return;
    socket.write(`${rss}\n`);
    reported = rss;
  }, POLL_MS);
}

if (!isMainThread) watch(workerData as WatchdogData);
