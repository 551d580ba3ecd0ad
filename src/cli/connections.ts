/** The connections of a process that answers requests: each is opened for the first request that needs it. */
import type { Partwise } from '..';
import type { ProjectConfig } from '../config';
import { openPartwise, type OpenPartwise } from './connect';
import { ServerMoved } from './exit';

/** What a request needs of its connection. */
export interface Needs {
  /** Whether partitions may have to run: the project's own server then has a worker. */
  needsWorker?: boolean;
  /** Whether it can be repeated on another connection without doing anything twice. */
  isRepeatable?: boolean;
}

export class Connections {
  /** With a worker, and for reading alone. */
  readonly #open = new Map<boolean, Promise<OpenPartwise>>();
  /** Whether the connection with a worker is open: until then, reading does not wait for it. */
  #hasWorker = false;

  #config: Promise<ProjectConfig> | null = null;

  constructor(
    private readonly loadConfig: () => Promise<ProjectConfig>,
    private readonly onMessage: (message: string) => void,
  ) {}

  /** Read once; again after an error, which may have been fixed. */
  config(): Promise<ProjectConfig> {
    if (this.#config !== null) return this.#config;
    const loading = this.loadConfig().then((config) => {
      process.chdir(config.projectDir);
      return config;
    });
    loading.catch(() => (this.#config = null));
    return (this.#config = loading);
  }

  /**
   * Calls `work` with a connection; again with a new one if the server moves to another port meanwhile and
   * the work is repeatable.
   */
  async use<T>(
    { needsWorker = false, isRepeatable = false }: Needs,
    work: (partwise: Partwise, moved: AbortSignal) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      const opening = this.#connection(needsWorker);
      const opened = await opening;
      try {
        return await opened.use(work);
      } catch (error) {
        if (!(error instanceof ServerMoved)) throw error;
        this.#forget(opening);
        if (!isRepeatable) throw error;
      }
    }
  }

  /** Waits for connections that are being opened too. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#open.values()].map(async (opening) => (await opening).close()));
  }

  #connection(needsWorker: boolean): Promise<OpenPartwise> {
    const known = this.#open.get(needsWorker || this.#hasWorker);
    if (known !== undefined) return known;
    const opening = this.config().then((config) =>
      openPartwise(config, { needWorker: needsWorker, onMessage: this.onMessage }),
    );
    this.#open.set(needsWorker, opening);
    // The next request tries again.
    opening.then(
      () => (this.#hasWorker ||= needsWorker),
      () => this.#forget(opening),
    );
    return opening;
  }

  /** Another request may have opened a new one meanwhile. */
  #forget(opening: Promise<OpenPartwise>): void {
    if (this.#open.get(true) === opening) this.#hasWorker = false;
    for (const [key, each] of this.#open) if (each === opening) this.#open.delete(key);
  }
}
