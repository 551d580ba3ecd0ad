/** Reads the histories of a run's shards into the run's record. */
import { HistoryDecoder } from '../../history/decode';
import { applyFact, type RunRecord, type ShardRecord } from '../../history/fold';
import { inParallel } from '../../core/in-parallel';
import type { PendingActivity } from '../live-units';
import type { ShardHistory } from './shard-history';
import type { HistoryEvent, PayloadDecoder } from '../../history/events';

/** A server ends the shards of a terminated run a moment after the run. */
export const TERMINATED_WITHIN_MS = 10_000;

/**
 * Returns a function that applies events of one history to the record, in order. `shard` is null for the
 * run's own history.
 */
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

/** Reads all events that the shards have so far. */
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

/** The shards that have not ended. */
export function openShards({ shards }: RunRecord): ShardRecord[] {
  return [...shards.values()].filter(({ closedAt }) => closedAt === null);
}

/** Open activities of the shards, as described by the server. */
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
