/**
 * Which call a runner is at, in a file of a few bytes that it shares with its worker. A message for each call
 * would cost more than a small function, and would be lost with the process; what was written to a file is
 * there, whatever ended the process right afterwards. The file has no name any more once the runner has it,
 * so nothing of it is ever left.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Offsets } from './output-files';

/** Of the file, in a runner. */
export const CALLS_FD = 5;

/** The call that is running. */
export interface RunningCall {
  /** How many calls the runner had begun before it. */
  number: number;
  /** By the clock of `monotonicMs`. */
  startedAt: number;
  /** Where its output begins. */
  output: Offsets;
}

/** What a runner has come to. */
export interface CallState {
  /** Null between calls. */
  running: RunningCall | null;
  /** Calls begun so far, in all units. */
  begun: number;
}

/**
 * Of the file, each a float64: version, begun, running (0 or 1), startedAt, the offsets of both files of
 * output, version again. A reader that sees two different versions came in the middle of a write.
 */
export const CALL_FIELDS = 7;
const MAX_READS = 100;

/** Milliseconds of a clock that all processes of the machine share, and that nobody sets. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6;
}

/**
 * The worker's end; makes the file. A function may have scribbled into it, so what is read is brought into
 * bounds.
 */
export class CallRecord {
  readonly fd = openNameless();
  readonly #fields = new Float64Array(CALL_FIELDS);
  #last: CallState | null = null;

  read(): CallState {
    if (this.#last !== null) return this.#last;
    const bytes = new Uint8Array(this.#fields.buffer);
    for (let i = 0; i < MAX_READS; i++) {
      readSync(this.fd, bytes, 0, bytes.length, 0);
      if (this.#fields[0] === this.#fields[6]) break;
    }
    const [, begun, running, startedAt, stdout, stderr] = this.#fields as unknown as number[];
    if (running !== 1) return { begun: count(begun!), running: null };
    const now = monotonicMs();
    return {
      begun: count(begun!),
      running: {
        number: count(begun!) - 1,
        startedAt: startedAt! > 0 && startedAt! < now ? startedAt! : now,
        output: [count(stdout!), count(stderr!)],
      },
    };
  }

  /** The runner has ended: what it was at then is what is read from now on. */
  close(): void {
    if (this.#last !== null) return;
    this.#last = this.read();
    closeSync(this.fd);
  }
}

function count(value: number): number {
  return Number.isSafeInteger(value) && value > 0 ? value : 0;
}

/** In memory where there is such a place: a disk that is busy would make each write wait. */
function openNameless(): number {
  try {
    return openIn('/dev/shm');
  } catch {
    return openIn(tmpdir());
  }
}

function openIn(folder: string): number {
  const file = join(folder, `partwise-calls-${randomUUID()}`);
  const fd = openSync(file, 'wx+', 0o600);
  rmSync(file, { force: true });
  return fd;
}
