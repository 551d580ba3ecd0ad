/**
 * Work of a unit on its stage, tried until the stage answers: what a call has brought about is kept
 * meanwhile, so that no function is called again because a disk was full for an hour.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../../runners/call-record';
import type { FileRef } from '../../core/files';
import { ObjectExists, StageUnavailable, type Stage } from '../../stage';
import { digest, digestFile } from '../../files/digest';

/** Waits between tries: doubled from the first up to the longest. */
const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 15_000;

interface StageWaitOptions {
  /** Ends all waits: the run was cancelled, or the attempt is over. */
  signal: AbortSignal;
  /** When the attempt must hand over what is left to the next one, by the clock of `monotonicMs`. */
  until: number;
  /** Called with the reason when something begins to wait, and with null when nothing waits any more. */
  onChange: (reason: string | null) => void;
}

export class StageWait {
  #waiting = 0;
  /** Begin and end of the waits of calls; the end is null while one waits. */
  readonly #waits: { from: number; to: number | null }[] = [];

  constructor(private readonly options: StageWaitOptions) {}

  /** What `work` gives, once the stage lets it. Throws `StageUnavailable` when the wait has to end before. */
  async patiently<T>(work: () => Promise<T>): Promise<T> {
    let waits = false;
    try {
      for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, MAX_WAIT_MS)) {
        try {
          return await work();
        } catch (error) {
          const { signal, until } = this.options;
          if (!(error instanceof StageUnavailable) || signal.aborted) throw error;
          if (monotonicMs() + wait > until) throw error;
          if (!waits) this.#waiting++;
          waits = true;
          this.options.onChange(error.message);
          await sleep(wait, undefined, { signal }).catch(() => {
            throw error;
          });
        }
      }
    } finally {
      if (waits && --this.#waiting === 0) this.options.onChange(null);
    }
  }

  /** Puts an object once the stage lets it. A try that put it, and then found the stage away, has put it. */
  put(stage: Stage, path: string, content: Uint8Array | { file: string }): Promise<FileRef> {
    return this.patiently(putAgain(stage, path, content));
  }

  /** The same of something that a call of the function waits for: that time is not the function's. */
  async ofCall<T>(work: () => Promise<T>): Promise<T> {
    let wait: { from: number; to: number | null } | null = null;
    try {
      return await this.patiently(() =>
        work().catch((error: unknown) => {
          if (wait === null && error instanceof StageUnavailable)
            this.#waits.push((wait = { from: monotonicMs(), to: null }));
          throw error;
        }),
      );
    } finally {
      if (wait !== null) (wait as { to: number | null }).to = monotonicMs();
    }
  }

  /**
   * How long calls have waited for the stage since then, in milliseconds; waits at the same time count once.
   */
  waitedSince(then: number): number {
    let [counted, sum] = [then, 0];
    for (const { from, to } of this.#waits) {
      const [begin, end] = [Math.max(from, counted), to ?? monotonicMs()];
      sum += Math.max(0, end - begin);
      counted = Math.max(counted, end);
    }
    return sum;
  }
}

/** A put that may be tried again, and then finds what an earlier try has put. */
export function putAgain(
  stage: Stage,
  path: string,
  content: Uint8Array | { file: string },
): () => Promise<FileRef> {
  let own: { bytes: number; sha256: string } | null = null;
  return async () => {
    try {
      return await stage.put(path, content);
    } catch (error) {
      if (error instanceof StageUnavailable)
        own ??= content instanceof Uint8Array ? digest(content) : await digestFile(content.file);
      if (own === null || !(error instanceof ObjectExists)) throw error;
      const ref = { path, ...own };
      if (await isThere(stage, ref)) return ref;
      throw error;
    }
  };
}

async function isThere(stage: Stage, ref: FileRef): Promise<boolean> {
  try {
    await stage.localFile(ref);
    return true;
  } catch (error) {
    if (error instanceof StageUnavailable) throw error;
    return false;
  }
}
