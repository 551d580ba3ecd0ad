/**
 * The call that a runner is running, in a small file that it shares with its worker. A message for each call
 * would cost more than a small function, and could be lost with the process; what was written to the file
 * survives any death of the process. The file is unlinked once it is open, so it never remains.
 *
 * After the record, a runner may write where it is in the function, when it crashes or its worker asks.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Offsets } from './output-files';

/** The file's descriptor in a runner. */
export const CALLS_FD = 5;

/** The call that is running. */
export interface RunningCall {
  /** Number of calls that the runner had started before it. */
  number: number;
  /** On the clock of `monotonicMs`. */
  startedAt: number;
  /** Where its output starts. */
  output: Offsets;
}

/** The state of a runner's calls. */
export interface CallState {
  /** Null between calls. */
  running: RunningCall | null;
  /** Number of calls started so far, in all units. */
  started: number;
}

/**
 * Number of fields in the file, each a float64: version, started, running (0 or 1), startedAt, the offsets of
 * both output files, version again. A reader that sees two different versions has read in the middle of a
 * write.
 */
export const CALL_FIELDS = 7;
const MAX_READS = 100;
const RECORD_BYTES = CALL_FIELDS * Float64Array.BYTES_PER_ELEMENT;
/** Of what follows the record. */
const MAX_WHERE_BYTES = 16 * 1024;

/** Milliseconds on a monotonic clock that all processes of the machine share. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6;
}

/**
 * The worker's end, which creates the file. A function may have written to it, so values that are read are
 * clamped to valid ones.
 */
export class CallRecord {
  readonly fd = openUnlinked();
  readonly #fields = new Float64Array(CALL_FIELDS);
  #last: CallState | null = null;
  #where = '';

  /** Where the runner was when it ended, in the language's own form; empty: it has not written it. */
  get where(): string {
    return this.#where;
  }

  read(): CallState {
    if (this.#last !== null) return this.#last;
    const bytes = new Uint8Array(this.#fields.buffer);
    for (let i = 0; i < MAX_READS; i++) {
      readSync(this.fd, bytes, 0, bytes.length, 0);
      if (this.#fields[0] === this.#fields[6]) break;
    }
    const [, started, running, startedAt, stdout, stderr] = this.#fields as unknown as number[];
    if (running !== 1) return { started: count(started!), running: null };
    const now = monotonicMs();
    return {
      started: count(started!),
      running: {
        number: count(started!) - 1,
        startedAt: startedAt! > 0 && startedAt! < now ? startedAt! : now,
        output: [count(stdout!), count(stderr!)],
      },
    };
  }

  /** Called when the runner has ended. `read` then returns its last state. */
  close(): void {
    if (this.#last !== null) return;
    this.#last = this.read();
    const into = Buffer.alloc(MAX_WHERE_BYTES);
    this.#where = into.toString('utf8', 0, readSync(this.fd, into, 0, into.length, RECORD_BYTES));
    closeSync(this.fd);
  }
}

function count(value: number): number {
  return Number.isSafeInteger(value) && value > 0 ? value : 0;
}

/** In shared memory where available: a busy disk would delay each write. */
function openUnlinked(): number {
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
