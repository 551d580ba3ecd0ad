/**
 * Logs of background processes. A child writes directly to the file, not through a pipe of its parent, so its
 * output survives a killed parent and can be read afterwards.
 */
import { closeSync, copyFileSync, openSync, readSync, statSync, truncateSync } from 'node:fs';

/** At most two such files per process: the current log and the previous one. */
const MAX_BYTES = 4 * 1024 * 1024;
const TAIL_BYTES = 8 * 1024;

/** A file descriptor to pass to a child. The caller closes its own copy. */
export function openLog(path: string): number {
  boundLog(path);
  return openSync(path, 'a', 0o600);
}

/** Moves the content of a large log to `<path>.1`. Writers append, so they continue at the new start. */
export function boundLog(path: string): void {
  if (logSize(path) <= MAX_BYTES) return;
  copyFileSync(path, `${path}.1`);
  truncateSync(path);
}

export function logSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * The probable reason why a process exited: the last line with an error that it wrote since `from` (an
 * earlier `logSize`), or else its last lines. Empty if it wrote nothing.
 */
export function lastWords(path: string, from: number): string {
  const lines = logTail(path, from)
    .split('\n')
    .filter((line) => line.trim() !== '');
  return lines.findLast((line) => ERROR_LINE.test(line)) ?? lines.slice(-3).join('\n');
}

const ERROR_LINE = /^\S*(error|exception|fatal|panic)\b.*:/i;

function logTail(path: string, from: number): string {
  const size = logSize(path);
  // A log that was truncated meanwhile is read from its start.
  const start = Math.max(from <= size ? from : 0, size - TAIL_BYTES);
  if (size === start) return '';
  const buffer = Buffer.alloc(size - start);
  const file = openSync(path, 'r');
  try {
    readSync(file, buffer, 0, buffer.length, start);
  } finally {
    closeSync(file);
  }
  return buffer.toString('utf8');
}
