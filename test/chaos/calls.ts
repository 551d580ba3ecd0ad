/** The external append-only file: what the function really did. */
import { closeSync, fstatSync, openSync, readSync, watch } from 'node:fs';

export interface CallEvent {
  /** Milliseconds since 1970. */
  at: number;
  what: 'begin' | 'end' | 'throw' | 'dies';
  id: string;
  attempt: number;
  pid: number;
  /** Token of the call. */
  token: string;
}

export class Calls {
  readonly #events: CallEvent[] = [];
  #bytesRead = 0;

  constructor(readonly file: string) {}

  /** In the order in which they were written. */
  read(): readonly CallEvent[] {
    const file = openSync(this.file, 'r');
    const added = Buffer.alloc(fstatSync(file).size - this.#bytesRead);
    readSync(file, added, 0, added.length, this.#bytesRead);
    closeSync(file);
    // A line that is still being written has no newline yet.
    const lines = added.subarray(0, added.lastIndexOf('\n') + 1);
    this.#bytesRead += lines.length;
    for (const line of lines.toString('utf8').split('\n'))
      if (line !== '') this.#events.push(JSON.parse(line) as CallEvent);
    return this.#events;
  }

  /** Calls that ended on their own. */
  get ended(): number {
    return this.read().filter(({ what }) => what === 'end' || what === 'throw').length;
  }

  /** The start events of calls without an end event. Some may have been killed. */
  unfinished(): CallEvent[] {
    const open = new Map<string, CallEvent>();
    for (const event of this.read()) {
      if (event.what === 'begin') open.set(event.token, event);
      else open.delete(event.token);
    }
    return [...open.values()];
  }

  /**
   * Resolves with true when the condition holds, or with false when the signal is aborted; checks whenever
   * the file grows.
   */
  until(condition: () => boolean, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const watcher = watch(this.file, () => look());
      const finish = (met: boolean): void => {
        watcher.close();
        signal.removeEventListener('abort', onAbort);
        resolve(met);
      };
      const onAbort = (): void => finish(false);
      const look = (): void => {
        if (condition()) finish(true);
      };
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) finish(false);
      else look();
    });
  }
}
