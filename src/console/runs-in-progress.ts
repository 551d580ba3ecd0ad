/** Counts of the runs in progress in a list. The server lists only those of ended runs. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunHandle, RunListing, RunState } from '..';
import type { Backend, Reader } from './backend';

/** Of a list, the first ones that are read: each reading follows a history. */
const MOST_READ = 8;
/** A list waits this long for them. Those that take longer are in the next one. */
const PATIENCE_MS = 1_000;
/** How long a state is shown before the run is read again; longer if that takes long. */
const FRESH_MS = 2_000;
const FRESH_PER_READING = 20;
/** How long what was read of a run is kept after it was last asked for. */
const KEPT_MS = 30_000;

interface Followed {
  /** Reads only what has been added since. Null until the first reading. */
  on: { reader: Reader; handle: RunHandle } | null;
  state: RunState | null;
  reading: Promise<void> | null;
  freshUntil: number;
  leaving: NodeJS.Timeout | undefined;
}

export class RunsInProgress {
  readonly #runs = new Map<string, Followed>();

  constructor(private readonly backend: Backend) {}

  /** The same runs, with the counts of those in progress as far as they are known by then. */
  async counted(runs: readonly RunListing[]): Promise<RunListing[]> {
    const some = runs.filter((run) => run.status === 'IN_PROGRESS' && !run.archived).slice(0, MOST_READ);
    const patience = new AbortController();
    const readings = Promise.all(some.map(({ runId }) => this.#read(runId)));
    await Promise.race([readings, sleep(PATIENCE_MS, undefined, patience).catch(() => {})]);
    patience.abort();
    return runs.map((run) => {
      const state = some.includes(run) ? this.#runs.get(run.runId)?.state : undefined;
      return state == null || state.rows === null ? run : { ...run, counts: state.counts, rows: state.rows };
    });
  }

  /** Once for all pages that ask meanwhile. Never rejects: a run that cannot be read is listed without. */
  #read(runId: string): Promise<void> {
    const run = this.#followed(runId);
    if (run.reading === null && performance.now() < run.freshUntil) return Promise.resolve();
    return (run.reading ??= this.#readState(runId, run));
  }

  #followed(runId: string): Followed {
    const run: Followed = this.#runs.get(runId) ?? {
      on: null,
      state: null,
      reading: null,
      freshUntil: 0,
      leaving: undefined,
    };
    this.#runs.set(runId, run);
    clearTimeout(run.leaving);
    run.leaving = setTimeout(() => this.#runs.delete(runId), KEPT_MS).unref();
    return run;
  }

  async #readState(runId: string, run: Followed): Promise<void> {
    const begin = performance.now();
    try {
      run.state = await this.backend.read((reader) => {
        // Another connection has other handles.
        if (run.on?.reader !== reader) run.on = { reader, handle: reader.getRun(runId) };
        return run.on.handle.status();
      });
    } catch {
      // Such as one whose history the server has just deleted. It is read again like the others.
    }
    const end = performance.now();
    run.freshUntil = end + Math.max(FRESH_MS, FRESH_PER_READING * (end - begin));
    run.reading = null;
  }
}
