/**
 * Tracks what calls write to descriptors 1 and 2, which are files that the worker reads: see `output-files`.
 */
import { fstatSync, ftruncateSync, readSync } from 'node:fs';
import { MAX_KEPT_BYTES, type Offsets } from '../output-files';

/**
 * A function may have closed the descriptors or opened other files in their place; then no output is found.
 */
export class WrittenOutput {
  readonly #offsets: [number, number] = [0, 0];
  readonly #files = [1, 2].map(identity);
  readonly #byte = Buffer.alloc(1);

  /** Where the next call's output starts. */
  get offsets(): Offsets {
    return [this.#offsets[0], this.#offsets[1]];
  }

  /**
   * Returns the end of what was written since the last call, or null if there was nothing. Earlier `offsets`
   * may be beyond it: see `#isEmptied`.
   */
  advance(): Offsets | null {
    for (const stream of [0, 1] as const) if (this.#isEmptied(stream)) this.#offsets[stream] = 0;
    const stdout = this.#hasGrown(0);
    const stderr = this.#hasGrown(1);
    if (!stdout && !stderr) return null;
    if (stdout) this.#offsets[0] = fstatSync(1).size;
    if (stderr) this.#offsets[1] = fstatSync(2).size;
    return this.offsets;
  }

  get isLarge(): boolean {
    return this.#offsets[0] + this.#offsets[1] > MAX_KEPT_BYTES;
  }

  /** Drops everything, once the worker has read it. */
  truncate(): void {
    for (const stream of [0, 1] as const) {
      if (identity(stream + 1) === this.#files[stream]) ftruncateSync(stream + 1);
      this.#offsets[stream] = 0;
    }
  }

  /**
   * `echo > /dev/stderr` in a script opens the file again and truncates it. Only a file with content can be
   * emptied.
   */
  #isEmptied(stream: 0 | 1): boolean {
    if (this.#offsets[stream] === 0) return false;
    try {
      return fstatSync(stream + 1).size < this.#offsets[stream];
    } catch {
      return false;
    }
  }

  /** Cheaper than getting the size, since it runs at the end of each call. */
  #hasGrown(stream: 0 | 1): boolean {
    try {
      return readSync(stream + 1, this.#byte, 0, 1, this.#offsets[stream]) > 0;
    } catch {
      return false;
    }
  }
}

function identity(fd: number): string | null {
  try {
    const { dev, ino } = fstatSync(fd);
    return `${dev} ${ino}`;
  } catch {
    return null;
  }
}
