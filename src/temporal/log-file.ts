/**
 * Logs of background processes. A child writes straight to the file, not through a pipe of its parent: so it
 * outlives a killed parent, and its last words can be read.
 */
import { closeSync, copyFileSync, openSync, readSync, statSync, truncateSync } from 'node:fs';

/** Two such files per process at most: the log and the one before it. */
const MAX_BYTES = 4 * 1024 * 1024;
const TAIL_BYTES = 8 * 1024;

/** A descriptor to hand to a child. The caller closes its own copy. */
export function openLog(path: string): number {
  boundLog(path);
  return openSync(path, 'a', 0o600);
}

/** Moves a long log's content to `<path>.1`. Writers append, so they go on at the new start. */
export function boundLog(path: string): void {
  if (logSize(path) <= MAX_BYTES) return;
  copyFileSync(path, `${path}.1`);
  truncateSync(path);
}

export function logSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * Why the process that wrote since `from` (what `logSize` gave then) came to its end: the last line that
 * names an error, else the last lines; empty when it wrote nothing.
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
  // A log that was cut meanwhile is read from its start.
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
