/**
 * Limits a worker's concurrent units to its number of runners. A unit that has released its runner and is
 * only being recorded makes room for the next one, so that runners are not idle meanwhile.
 */
import type { ActivitySlotInfo, CustomSlotSupplier, SlotPermit } from '@temporalio/worker';

export class UnitSlots implements CustomSlotSupplier<ActivitySlotInfo> {
  readonly type = 'custom';
  #taken = 0;
  #concluding = 0;
  #waiting: (() => void)[] = [];

  constructor(private readonly runners: number) {}

  /** Runs the part of a unit that no longer needs a runner. */
  async conclude<T>(work: () => Promise<T>): Promise<T> {
    this.#concluding++;
    this.#wake();
    try {
      return await work();
    } finally {
      this.#concluding--;
    }
  }

  async reserveSlot(_: unknown, signal: AbortSignal): Promise<SlotPermit> {
    for (;;) {
      const permit = this.tryReserveSlot();
      if (permit !== null) return permit;
      await this.#change(signal);
    }
  }

  tryReserveSlot(): SlotPermit | null {
    // At most twice as many, so that units that wait for a slow stage cannot fill the memory.
    if (this.#taken >= this.runners + Math.min(this.#concluding, this.runners)) return null;
    this.#taken++;
    return {};
  }

  markSlotUsed(): void {}

  releaseSlot(): void {
    this.#taken--;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting = this.#waiting.filter((each) => each !== wake);
        reject(signal.reason as Error);
      };
      const wake = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(wake);
    });
  }
}
