/** One run as the page has it: its state as it comes, and the cells of all partitions. */
import { batch, signal, type Signal } from '@preact/signals';
import { PLANES, type Plane } from '../wire/cells';
import type { RunNow } from '../wire/types';
import { restAfterDrawing } from './pace';
import { RunCells } from './run-cells';
import { runEvents } from './run-events';
import { Intercepted, Refused, request } from './session';
import { clock } from './words';

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

export class RunStore extends RunCells {
  readonly now: Signal<RunNow | null> = signal(null);
  readonly connection: Signal<Connection> = signal({ state: 'connecting' });
  /** Why there is nothing to show, such as that there is no such run. */
  readonly refusal: Signal<Refused | null> = signal(null);
  /** When the console last said anything, in milliseconds since 1970. */
  heardAt = 0;

  #version = 0;
  /** The last one that came, shown or not. */
  #latest: RunNow | null = null;
  #isShowing = false;
  #stop = new AbortController();

  constructor(
    readonly runId: string,
    readonly execution: string | null,
  ) {
    super();
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
          this.#see(JSON.parse(data) as RunNow);
        }
        // A state that is about to be shown brings the time along.
        else if (this.connection.value.state === 'live' && !this.#isShowing) clock.value = Date.now();
      }
    } finally {
      clearTimeout(silence);
    }
  }

  /** Why may change: a console that was started again answers, and refuses the token of this page. */
  #lose(why: string): void {
    const { value } = this.connection;
    if (value.state === 'lost' && value.why === why) return;
    this.connection.value = { state: 'lost', since: value.state === 'lost' ? value.since : Date.now(), why };
  }

  /** No clock runs on in a file. */
  #stand(): void {
    this.connection.value = { state: 'still' };
    clock.value = Date.parse(this.now.value!.state.asOf);
  }

  #see(now: RunNow): void {
    this.refusal.value = null;
    this.#latest = now;
    if (!this.#isShowing) void this.#showLatest();
  }

  /** Shows the latest state together with its cells, and then what has come meanwhile, until nothing has. */
  async #showLatest(): Promise<void> {
    this.#isShowing = true;
    try {
      let shown: RunNow | null = null;
      while (this.#latest !== shown && !this.#stop.signal.aborted) {
        shown = this.#latest;
        if (!(await this.#showWithCells(shown!))) shown = null;
        await restAfterDrawing(this.total);
      }
    } finally {
      this.#isShowing = false;
    }
  }

  /** Whether its cells are known now: otherwise the state is shown, and they are to be asked for again. */
  async #showWithCells(now: RunNow): Promise<boolean> {
    try {
      if (now.version === this.#version) this.#show(now);
      else if (this.#version > 0) this.#show(now, await this.#fetch(PLANES, this.#version));
      else {
        // The first cells take longer than the state, which says most.
        this.#show(now);
        await this.#fetchFirst();
      }
      return true;
    } catch (error) {
      if (!(error instanceof Refused || error instanceof TypeError)) throw error;
      this.#show(now);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      return false;
    }
  }

  /** All that has changed is drawn in one go. */
  #show(now: RunNow, cells?: Uint8Array): void {
    batch(() => {
      this.now.value = now;
      if (this.connection.value.state === 'live') clock.value = Date.now();
      // Cells may be newer than the state, which then follows.
      if (cells !== undefined) this.#version = this.take(cells);
    });
  }

  /** The status comes first: it is some 11 KB of a million, and makes the first picture. */
  async #fetchFirst(): Promise<void> {
    const first = this.take(await this.#fetch(['status'], 0));
    this.take(await this.#fetch(PLANES.slice(1), 0));
    this.#version = first;
  }

  async #fetch(planes: readonly Plane[], since: number): Promise<Uint8Array> {
    const response = await request(this.path('/cells', { planes: planes.join(','), since: `${since}` }));
    return new Uint8Array(await response.arrayBuffer());
  }
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
