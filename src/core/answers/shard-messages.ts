/** What counts as a message between a run and its shards: signals, which anyone in the namespace may send. */
import type { Shard } from '../plan';
import type { ShardSettings } from '../tasks';
import { count, either, flag, listOf, oneOf, orNull, shapeOf } from '../shape';
import { FAILURE_STATUSES } from '../status';
import { noneWaiting, type ShardReport } from '../units/shard-report';
import { alike, counts, countsOf, everyCount, failure, version } from './shared-shapes';

const report = shapeOf<ShardReport>({
  version,
  shard: count,
  number: count,
  counts,
  waiting: shapeOf<ShardReport['waiting']>(countsOf(FAILURE_STATUSES)),
  running: count,
  alike: orNull(either(oneOf('not'), alike)),
  firstErrors: listOf(failure),
});

/** The report of one of these shards, about no more partitions than it has; null if it is anything else. */
export function asShardReport(
  value: unknown,
  shards: Readonly<Record<number, Pick<Shard, 'partitions'>>>,
): ShardReport | null {
  if (!report(value)) return null;
  const sent = value as ShardReport;
  const ended = everyCount(sent.counts);
  const waiting = { ...noneWaiting(), ...sent.waiting };
  const all = [...Object.values(ended), ...Object.values(waiting)].reduce((sum, each) => sum + each, 0);
  if (ended.PENDING > 0 || ended.RUNNING > 0 || all > (shards[sent.shard]?.partitions ?? -1)) return null;
  return { ...sent, counts: ended, waiting };
}

const settings = shapeOf<ShardSettings>({
  number: count,
  paused: flag,
  lanes: count,
  everyFailures: orNull(count),
});

export function asShardSettings(value: unknown): ShardSettings | null {
  return settings(value) ? (value as ShardSettings) : null;
}
