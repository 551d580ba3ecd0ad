/** A followed run: its history, and those of its shards as they start, merged into one record. */
import type { RunRecord, ShardRecord } from '../../history/fold';
import type { ExecutionHistory } from './execution-history';
import type { Description } from './history-source';
import type { ShardHistory } from './shard-history';
import { folding, openShards, TERMINATED_WITHIN_MS } from './shards-reading';
import type { HistoryEvent, PayloadDecoder } from '../../history/events';

/** Adds new events to the record as they arrive. */
export class FollowedRun {
  readonly #pages = new MergedPages();
  /** By shard; null: the run's own. */
  readonly #folds = new Map<number | null, ReturnType<typeof folding>>();
  /**
   * Histories whose past events have not all been read yet, with the number of the last event when they were
   * found.
   */
  readonly #catchingUp = new Map<number | null, number>();
  /** Aborted if shards of a closed run do not end. */
  readonly #late = new AbortController();
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly record: RunRecord,
    history: ExecutionHistory,
    private readonly decoder: PayloadDecoder,
    private readonly signal: AbortSignal,
    private readonly historyOf: (shard: ShardRecord) => ShardHistory,
  ) {
    this.#add(null, history.follow(signal), eventsIn(history.description));
  }

  /** Whether all past events have been read. */
  get isCaughtUp(): boolean {
    return this.#catchingUp.size === 0;
  }

  /** Whether no more events will arrive. */
  get isAtEnd(): boolean {
    return this.#pages.open === 0;
  }

  /** Resolves when there are events to `take`; with null if there will be none again. */
  async next(): Promise<'more' | null> {
    if (await this.#pages.arrived()) return 'more';
    if (this.#timer !== null) clearTimeout(this.#timer);
    return null;
  }

  /** Adds the events that have arrived to the record, which nothing else changes. */
  async take(): Promise<void> {
    const { key, events } = this.#pages.take();
    if (events === null) this.#catchingUp.delete(key);
    else {
      await this.#folds.get(key)!(events);
      const last = Number(events.at(-1)?.eventId ?? 0);
      if (last >= (this.#catchingUp.get(key) ?? 0)) this.#catchingUp.delete(key);
      if (key === null) await this.#addShards();
    }
  }

  async #addShards(): Promise<void> {
    const { record, signal } = this;
    for (const shard of record.shards.values()) {
      if (this.#folds.has(shard.number)) continue;
      const history = this.historyOf(shard);
      const either = AbortSignal.any([signal, this.#late.signal]);
      if (shard.closedAt !== null) this.#add(shard.number, history.pages(), Infinity);
      // A shard that starts while the run is followed has no past events.
      else
        this.#add(
          shard.number,
          history.follow(either),
          this.isCaughtUp ? 0 : eventsIn(await history.describe()),
        );
    }
    if (record.closed === null || this.#timer !== null || openShards(record).length === 0) return;
    this.#timer = setTimeout(() => this.#late.abort(), TERMINATED_WITHIN_MS);
  }

  #add(key: number | null, pages: AsyncGenerator<HistoryEvent[]>, lastEvent: number): void {
    this.#folds.set(key, folding(this.record, this.decoder, key));
    if (lastEvent > 0) this.#catchingUp.set(key, lastEvent);
    this.#pages.add(key, key === null ? pages : untilLate(pages, this.#late.signal));
  }
}

function eventsIn(description: Description | null): number {
  return Number(description?.workflowExecutionInfo?.historyLength ?? 0);
}

/** The pages until the signal is aborted, which is not an error. */
async function* untilLate(
  pages: AsyncGenerator<HistoryEvent[]>,
  late: AbortSignal,
): AsyncGenerator<HistoryEvent[]> {
  try {
    yield* pages;
  } catch (error) {
    if (!late.aborted) throw error;
  }
}

/** Pages of several histories, as they arrive. */
class MergedPages {
  readonly #arrived: { key: number | null; events: HistoryEvent[] | null; error?: unknown }[] = [];
  readonly #pages = new Map<number | null, AsyncGenerator<HistoryEvent[]>>();
  #wake: () => void = () => {};

  /** Number of histories that have not ended. */
  get open(): number {
    return this.#pages.size;
  }

  add(key: number | null, pages: AsyncGenerator<HistoryEvent[]>): void {
    this.#pages.set(key, pages);
    this.#pull(key, pages);
  }

  /** Waits for a page; false if all histories have ended. */
  async arrived(): Promise<boolean> {
    while (this.#arrived.length === 0) {
      if (this.#pages.size === 0) return false;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return true;
  }

  /** A page that has arrived; `events` is null if the history has ended. */
  take(): { key: number | null; events: HistoryEvent[] | null } {
    const { key, events, error } = this.#arrived.shift()!;
    if (error !== undefined) throw error;
    const pages = this.#pages.get(key)!;
    if (events === null) this.#pages.delete(key);
    else this.#pull(key, pages);
    return { key, events };
  }

  #pull(key: number | null, pages: AsyncGenerator<HistoryEvent[]>): void {
    const arrive = (page: { events: HistoryEvent[] | null; error?: unknown }): void => {
      this.#arrived.push({ key, ...page });
      this.#wake();
    };
    pages.next().then(
      ({ done, value }) => arrive({ events: done === true ? null : (value as HistoryEvent[]) }),
      (error: unknown) => arrive({ events: null, error }),
    );
  }
}
