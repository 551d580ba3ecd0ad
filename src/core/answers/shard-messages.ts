/** What counts as a message between a run and its shards: signals, which anyone in the namespace may send. */
import type { Shard } from '../plan';
import type { ShardSettings } from '../tasks';
import { count, either, flag, listOf, oneOf, orNull, shapeOf } from '../shape';
import type { ShardReport } from '../units/shard-report';
import { alike, counts, failure, version } from './shared-shapes';

const report = shapeOf<ShardReport>({
  version,
  shard: count,
  number: count,
  counts,
  waiting: shapeOf<ShardReport['waiting']>({ FAILED: count, INTERNAL_ERROR: count }),
  running: count,
  alike: orNull(either(oneOf('not'), alike)),
  firstErrors: listOf(failure),
});

/** Whether it is a report of a shard of these, about no more partitions than it has. */
export function isShardReport(
  value: unknown,
  shards: Readonly<Record<number, Pick<Shard, 'partitions'>>>,
): value is ShardReport {
  if (!report(value)) return false;
  const { shard: sender, counts: ended, waiting } = value as ShardReport;
  const all = [...Object.values(ended), ...Object.values(waiting)].reduce((sum, each) => sum + each, 0);
  return ended.PENDING === 0 && ended.RUNNING === 0 && all <= (shards[sender]?.partitions ?? -1);
}

const settings = shapeOf<ShardSettings>({
  number: count,
  paused: flag,
  lanes: count,
  everyFailures: orNull(count),
});

export function isShardSettings(value: unknown): value is ShardSettings {
  return settings(value);
}
