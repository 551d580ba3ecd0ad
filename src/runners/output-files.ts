/**
 * What a runner, its native code and its child processes write to descriptors 1 and 2: two unlinked files,
 * which the runner appends to and its worker reads. A pipe would not show which call wrote what; in a file,
 * each call owns the bytes between two offsets, which also survive the process.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, mkdirSync, openSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export const STREAMS = ['stdout', 'stderr'] as const;
export type OutputStream = (typeof STREAMS)[number];

/** In the order of `STREAMS`. */
export type Offsets = readonly [stdout: number, stderr: number];

/** More than this in both files is dropped between calls. */
export const MAX_KEPT_BYTES = 8 * 1024 * 1024;
/** What a call may write before it is killed; checked twice a second. */
export const MAX_OUTPUT_BYTES = 256_000_000;

/** The worker's end, which creates the files in `folder`. */
export class OutputFiles {
  readonly fds: readonly [number, number];
  #isOpen = true;

  constructor(folder: string) {
    const stdout = openUnlinked(folder);
    try {
      this.fds = [stdout, openUnlinked(folder)];
    } catch (error) {
      closeSync(stdout);
      throw error;
    }
  }

  get sizes(): Offsets {
    return this.#isOpen ? [fstatSync(this.fds[0]).size, fstatSync(this.fds[1]).size] : [0, 0];
  }

  get isFull(): boolean {
    const [stdout, stderr] = this.sizes;
    return stdout + stderr > MAX_OUTPUT_BYTES + MAX_KEPT_BYTES;
  }

  /** Reads from an offset, as many bytes as are available and fit. */
  read(stream: number, from: number, into: Buffer): number {
    return this.#isOpen ? readSync(this.fds[stream]!, into, 0, into.length, from) : 0;
  }

  /** The last bytes of stderr. */
  stderrTail(bytes: number): string {
    const into = Buffer.alloc(bytes);
    const length = this.read(1, Math.max(0, this.sizes[1] - bytes), into);
    return into.toString('utf8', 0, length);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.fds.forEach(closeSync);
  }
}

function openUnlinked(folder: string): number {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `partwise-output-${randomUUID()}`);
  const fd = openSync(file, 'ax+', 0o600);
  rmSync(file, { force: true });
  return fd;
}
