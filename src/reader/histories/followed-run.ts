/** A run that is followed: its history, and those of its shards as they begin, merged into one record. */
import type { RunRecord, ShardRecord } from '../../history/fold';
import type { ExecutionHistory } from './execution-history';
import type { Description } from './history-source';
import type { ShardHistory } from './shard-history';
import { folding, openShards, TERMINATED_WITHIN_MS } from './shards-reading';
import type { HistoryEvent, PayloadDecoder } from '../../history/events';

/** Takes what comes into the record. */
export class FollowedRun {
  readonly #pages = new MergedPages();
  /** By shard; null: the run's own. */
  readonly #folds = new Map<number | null, ReturnType<typeof folding>>();
  /**
   * Histories of which not all is read that there was when they were found, by the number of the last event
   * then.
   */
  readonly #behind = new Map<number | null, number>();
  /** Aborted when shards of a run that is closed do not come to their end. */
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

  /** Whether what had happened before is read. */
  get isCaughtUp(): boolean {
    return this.#behind.size === 0;
  }

  /** Whether there is nothing more to come. */
  get isAtEnd(): boolean {
    return this.#pages.open === 0;
  }

  /** Resolves when the record has changed; null when it does not any more. */
  async next(): Promise<'more' | null> {
    const come = await this.#pages.next();
    if (come === null) {
      if (this.#timer !== null) clearTimeout(this.#timer);
      return null;
    }
    const { key, events } = come;
    if (events === null) this.#behind.delete(key);
    else {
      await this.#folds.get(key)!(events);
      const last = Number(events.at(-1)?.eventId ?? 0);
      if (last >= (this.#behind.get(key) ?? 0)) this.#behind.delete(key);
      if (key === null) await this.#addShards();
    }
    return 'more';
  }

  async #addShards(): Promise<void> {
    const { record, signal } = this;
    for (const shard of record.shards.values()) {
      if (this.#folds.has(shard.number)) continue;
      const history = this.historyOf(shard);
      const either = AbortSignal.any([signal, this.#late.signal]);
      if (shard.closedAt !== null) this.#add(shard.number, history.pages(), Infinity);
      // One that begins while the run is followed has nothing behind it.
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

  #add(key: number | null, pages: AsyncGenerator<HistoryEvent[]>, behind: number): void {
    this.#folds.set(key, folding(this.record, this.decoder, key));
    if (behind > 0) this.#behind.set(key, behind);
    this.#pages.add(key, key === null ? pages : untilLate(pages, this.#late.signal));
  }
}

function eventsIn(description: Description | null): number {
  return Number(description?.workflowExecutionInfo?.historyLength ?? 0);
}

/** The pages until the signal is aborted, which is no failure. */
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

/** Pages of several histories, as they come. */
class MergedPages {
  readonly #come: { key: number | null; events: HistoryEvent[] | null; error?: unknown }[] = [];
  readonly #pages = new Map<number | null, AsyncGenerator<HistoryEvent[]>>();
  #wake: () => void = () => {};

  /** Histories that have not come to their end. */
  get open(): number {
    return this.#pages.size;
  }

  add(key: number | null, pages: AsyncGenerator<HistoryEvent[]>): void {
    this.#pages.set(key, pages);
    this.#pull(key, pages);
  }

  /** Null when all have come to their end; `events` null: this one has. */
  async next(): Promise<{ key: number | null; events: HistoryEvent[] | null } | null> {
    while (this.#come.length === 0) {
      if (this.#pages.size === 0) return null;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const { key, events, error } = this.#come.shift()!;
    if (error !== undefined) throw error;
    const pages = this.#pages.get(key)!;
    if (events === null) this.#pages.delete(key);
    else this.#pull(key, pages);
    return { key, events };
  }

  #pull(key: number | null, pages: AsyncGenerator<HistoryEvent[]>): void {
    const come = (page: { events: HistoryEvent[] | null; error?: unknown }): void => {
      this.#come.push({ key, ...page });
      this.#wake();
    };
    pages.next().then(
      ({ done, value }) => come({ events: done === true ? null : (value as HistoryEvent[]) }),
      (error: unknown) => come({ events: null, error }),
    );
  }
}
