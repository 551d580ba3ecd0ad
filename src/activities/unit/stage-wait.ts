/**
 * Retries a unit's stage operations until the stage answers. The results of calls are kept in the meantime,
 * so no function is called again just because a disk was full for an hour.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../../runners/call-record';
import type { FileRef } from '../../core/files';
import { ObjectExists, StageUnavailable, type Stage } from '../../stage';
import { digest, digestFile } from '../../files/digest';

/** Waits between tries: doubled from the first up to the maximum. */
const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 15_000;

interface StageWaitOptions {
  /** Ends all waits when the run was cancelled or the attempt is over. */
  signal: AbortSignal;
  /** When the attempt must hand over the rest to the next one, in `monotonicMs` time. */
  until: number;
  /** Called with the reason when a wait starts, and with null when nothing is waiting anymore. */
  onChange: (reason: string | null) => void;
}

export class StageWait {
  #waiting = 0;
  /** Start and end of waits during calls; the end is null while a wait lasts. */
  readonly #waits: { from: number; to: number | null }[] = [];

  constructor(private readonly options: StageWaitOptions) {}

  /**
   * Runs `work` until the stage is available, and returns its result. Throws `StageUnavailable` if the wait
   * has to end earlier.
   */
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

  /**
   * Puts an object as soon as the stage is available. A try that stored the object and then lost the stage
   * counts as successful.
   */
  put(stage: Stage, path: string, content: Uint8Array | { file: string }): Promise<FileRef> {
    return this.patiently(putAgain(stage, path, content));
  }

  /**
   * The same for work that a call of the function waits for: the wait does not count as the function's time.
   */
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
   * How long calls have waited for the stage since `then`, in milliseconds; overlapping waits count once.
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

/** A put that can be retried, and then recognizes what an earlier try has written. */
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
