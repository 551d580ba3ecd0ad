/**
 * A thread of the runner that keeps running while the main thread is busy or blocked. It reports resident
 * memory to the worker, and kills the process group when the worker is gone or has not renewed the runner's
 * lease for too long: a suspended worker cannot end its functions, and the server has given them to another
 * worker.
 *
 * Lines on descriptor 4: from the runner, its resident bytes, and `exiting` each second while its exit
 * handlers run; from the worker, the lease (for how many milliseconds the runner may continue without another
 * line), or `idle`.
 */
import { Socket } from 'node:net';
import { join } from 'node:path';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { LineReader } from '../line-reader';

export const WATCHDOG_FD = 4;

/**
 * A function can fill memory at a gigabyte per second, so at this interval it cannot exceed the cap by much.
 */
const POLL_MS = 50;
/**
 * A thread that slept longer was itself suspended, usually together with its worker: that time does not count
 * against the lease.
 */
const MAX_STEP_MS = 1_000;
/** Repeated, because an earlier message of the runner may reach the worker after the first report. */
const EXITING_EVERY_MS = 1_000;
const REPORT_CHANGE = 0.01;

interface WatchdogData {
  workerPid: number;
  /**
   * One 32-bit integer, which is not 0 while exit handlers run: they block the main thread, so it cannot send
   * anything.
   */
  exiting: SharedArrayBuffer;
}

/**
 * Starts the thread. `workerPid` is the process that started this one. Returns a function to record whether
 * exit handlers are running, which the first of them calls.
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
  /** Milliseconds left of the lease, or null without one. */
  let left: number | null = null;
  let lookedAt = performance.now();
  const lines = new LineReader((line) => {
    // A Node process has no way to say where it is.
    if (line === 'where') return;
    const ms = Number(line);
    left = Number.isFinite(ms) ? ms : null;
  });
  socket.on('data', (bytes: Buffer) => lines.take(bytes));
  // The worker is gone, which the next tick notices.
  socket.on('error', () => undefined);
  setInterval(() => {
    // enforces I5, I12: runners of a lost worker do not keep running.
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
    // Also skipped while the worker has not read the previous report.
    if (Math.abs(rss - reported) <= reported * REPORT_CHANGE || socket.writableLength > 0) return;
    socket.write(`${rss}\n`);
    reported = rss;
  }, POLL_MS);
}

if (!isMainThread) watch(workerData as WatchdogData);
