/** Takes the histories of a run's shards into the record of the run. */
import { HistoryDecoder } from '../../history/decode';
import { applyFact, type RunRecord, type ShardRecord } from '../../history/fold';
import type { PendingActivity } from '../live-units';
import type { ShardHistory } from './shard-history';
import type { HistoryEvent, PayloadDecoder } from '../../history/events';

/** Histories that are read at once. */
const AT_ONCE = 8;
/** A server ends the shards of a run that was terminated a moment after it. */
export const TERMINATED_WITHIN_MS = 10_000;

/** Takes events of one history into the record, in order. `shard` null: the run's own. */
export function folding(
  record: RunRecord,
  decoder: PayloadDecoder,
  shard: number | null,
): (events: readonly HistoryEvent[]) => Promise<void> {
  const history = new HistoryDecoder(decoder, shard);
  return async (events) => {
    for (const event of events) {
      const fact = await history.decode(event);
      if (fact !== null) applyFact(record, fact);
    }
  };
}

/** All that they have so far. */
export async function readShards(
  record: RunRecord,
  decoder: PayloadDecoder,
  historyOf: (shard: ShardRecord) => ShardHistory,
): Promise<void> {
  await inParallel([...record.shards.values()], async (shard) => {
    const fold = folding(record, decoder, shard.number);
    const history = historyOf(shard);
    const late = AbortSignal.timeout(TERMINATED_WITHIN_MS);
    const pages = record.closed !== null && shard.closedAt === null ? history.follow(late) : history.pages();
    try {
      for await (const events of pages) await fold(events);
    } catch (error) {
      if (!late.aborted) throw error;
    }
  });
}

/** Works on all items, a few at a time. */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const lane = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, lane));
}

/** Those that have not come to their end. */
export function openShards({ shards }: RunRecord): ShardRecord[] {
  return [...shards.values()].filter(({ closedAt }) => closedAt === null);
}

/** Activities of shards that are open, as the server describes them. */
export async function pendingOf(
  shards: readonly ShardRecord[],
  historyOf: (shard: ShardRecord) => ShardHistory,
): Promise<PendingActivity[]> {
  const pending: PendingActivity[] = [];
  await inParallel(shards, async (shard) => {
    const description = await historyOf(shard).describe();
    pending.push(...(description?.pendingActivities ?? []));
  });
  return pending;
}
