/** One run as the page has it: its state as it comes, and the cells of all partitions. */
import { signal, type Signal } from '@preact/signals';
import { decodeCells, PLANES, type Plane } from '../wire/cells';
import type { RunNow } from '../wire/types';
import { runEvents } from './run-events';
import { Intercepted, Refused, request } from './session';
import { clock } from './words';

export type Cells = Record<Plane, Uint8Array>;

/** What the page knows about its connection to the console. */
export type Connection =
  | { state: 'connecting' }
  | { state: 'live' }
  /** The page is in a file: nothing will change. */
  | { state: 'still' }
  /** `since`: milliseconds since 1970. */
  | { state: 'lost'; since: number; why: string };

/** A stream that is silent for this long is lost. */
const SILENCE_MS = 6_000;
const RETRY_MS = 1_500;
/** A tab that nobody looks at closes its stream after this long. */
const HIDDEN_MS = 10_000;

export class RunStore {
  readonly now: Signal<RunNow | null> = signal(null);
  readonly connection: Signal<Connection> = signal({ state: 'connecting' });
  /** Why there is nothing to show, such as that there is no such run. */
  readonly refusal: Signal<Refused | null> = signal(null);
  /** Counts up whenever `cells` have changed. */
  readonly drawn = signal(0);
  /** When the console last said anything, in milliseconds since 1970. */
  heardAt = 0;
  cells: Cells = emptyCells(0);
  /** Ordinals of which all planes are known: none until the first answer. */
  total = 0;

  #version = 0;
  #fetching = false;
  #stop = new AbortController();

  constructor(
    readonly runId: string,
    readonly execution: string | null,
  ) {
    void this.#stayConnected();
  }

  close(): void {
    this.#stop.abort();
  }

  path(rest: string, parameters: Readonly<Record<string, string>> = {}): string {
    const query = new URLSearchParams(parameters);
    if (this.execution !== null) query.set('execution', this.execution);
    const text = query.toString();
    return `runs/${encodeURIComponent(this.runId)}${rest}${text === '' ? '' : `?${text}`}`;
  }

  async #stayConnected(): Promise<void> {
    const { signal: stopped } = this.#stop;
    while (!stopped.aborted) {
      await visible();
      if (stopped.aborted) return;
      const stream = new AbortController();
      const cancel = (): void => stream.abort();
      stopped.addEventListener('abort', cancel, { once: true });
      let why = 'The console does not answer. Start it again with: partwise console';
      const forgetHidden = onHidden(HIDDEN_MS, () => {
        why = 'This tab was in the background.';
        cancel();
      });
      try {
        await this.#listen(stream);
      } catch (error) {
        if (error instanceof Refused || error instanceof Intercepted) why = error.message;
        if (error instanceof Refused && this.now.value === null) this.refusal.value = error;
      }
      forgetHidden();
      stopped.removeEventListener('abort', cancel);
      if (stopped.aborted || this.connection.value.state === 'still') return;
      this.#lose(why);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async #listen(stream: AbortController): Promise<void> {
    let silence = setTimeout(() => stream.abort(), SILENCE_MS);
    try {
      for await (const { event, data } of runEvents((rest) => this.path(rest), stream.signal)) {
        clearTimeout(silence);
        silence = setTimeout(() => stream.abort(), SILENCE_MS);
        this.heardAt = Date.now();
        if (event === 'lost') {
          const { error } = JSON.parse(data) as { error: { type: string; message: string } };
          if (this.now.value === null) this.refusal.value = new Refused(error.type, error.message);
          this.#lose(error.message);
          continue;
        }
        if (event === 'still') return this.#stand();
        // The console is there, but what it shows may be lost: only a state says that it is not.
        if (event === 'run') {
          if (this.connection.value.state !== 'live') this.connection.value = { state: 'live' };
          this.#take(JSON.parse(data) as RunNow);
        }
        if (this.connection.value.state === 'live') clock.value = Date.now();
      }
    } finally {
      clearTimeout(silence);
    }
  }

  #lose(why: string): void {
    if (this.connection.value.state !== 'lost')
      this.connection.value = { state: 'lost', since: Date.now(), why };
  }

  /** No clock runs on in a file. */
  #stand(): void {
    this.connection.value = { state: 'still' };
    clock.value = Date.parse(this.now.value!.state.asOf);
  }

  #take(now: RunNow): void {
    this.refusal.value = null;
    this.now.value = now;
    if (!this.#fetching) void this.#fetchCells();
  }

  /** Fetches until the cells are those of the state. What fails is fetched again. */
  async #fetchCells(): Promise<void> {
    this.#fetching = true;
    let asked = 0;
    try {
      for (;;) {
        const wanted = this.now.value?.version ?? 0;
        // Cells may be newer than the state, which then follows.
        if (wanted === 0 || wanted === this.#version || wanted === asked) return;
        asked = wanted;
        if (this.#version > 0) {
          this.#version = await this.#fetchPlanes(PLANES, this.#version);
          continue;
        }
        // The status comes first: it is some 11 KB of a million, and makes the first picture.
        const first = await this.#fetchPlanes(['status'], 0);
        await this.#fetchPlanes(PLANES.slice(1), 0);
        this.#version = first;
      }
    } catch (error) {
      if (!(error instanceof Refused || error instanceof TypeError)) throw error;
      setTimeout(() => {
        if (!this.#fetching && !this.#stop.signal.aborted) void this.#fetchCells();
      }, RETRY_MS);
    } finally {
      this.#fetching = false;
    }
  }

  async #fetchPlanes(planes: readonly Plane[], since: number): Promise<number> {
    const response = await request(this.path('/cells', { planes: planes.join(','), since: `${since}` }));
    const { header, bytes } = decodeCells(new Uint8Array(await response.arrayBuffer()));
    if (header.total !== this.total) {
      this.cells = emptyCells(header.total);
      this.total = header.total;
    }
    header.planes.forEach((plane, i) => {
      let at = 0;
      for (const [from, to] of header.ranges) {
        this.cells[plane].set(bytes[i]!.subarray(at, at + to - from), from);
        at += to - from;
      }
    });
    this.drawn.value++;
    return header.version;
  }
}

function emptyCells(total: number): Cells {
  return Object.fromEntries(PLANES.map((plane) => [plane, new Uint8Array(total)])) as Cells;
}

function visible(): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const check = (): void => {
      if (document.hidden) return;
      document.removeEventListener('visibilitychange', check);
      resolve();
    };
    document.addEventListener('visibilitychange', check);
  });
}

/** Calls `then` once the page has been hidden for this long. Returns a function that ends it. */
function onHidden(ms: number, then: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const check = (): void => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(then, ms);
  };
  document.addEventListener('visibilitychange', check);
  return () => {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', check);
  };
}
