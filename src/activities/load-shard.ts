/**
 * The units of a shard: planning stores them on the stage, because the units of all shards would not fit in
 * the run's history (I7).
 */
import { Context } from '@temporalio/activity';
import type { Sharding, Unit } from '../core/plan';
import type { LoadedShard, LoadTask } from '../core/tasks';
import { sha256Of } from '../files/digest';
import { dealUnits, shardsFor } from '../core/units/shards';
import { openStage, type Stage } from '../stage';
import { refusing } from './failures';
import { withHeartbeats } from './unit/heartbeat';

/** Returns null if the run has no shards. `folder` is the plan's folder; it ends in `/`. */
export async function putShards(
  stage: Stage,
  folder: string,
  units: readonly Unit[],
  maxConcurrency: number,
): Promise<Sharding | null> {
  const shards = shardsFor(units.length, maxConcurrency);
  if (shards === 0) return null;
  const dealt = dealUnits(units, shards);
  const lines = dealt.map((own) => Buffer.from(`${JSON.stringify(own)}\n`));
  const lists = await stage.put(`${folder}shards.jsonl`, Buffer.concat(lines));
  let [firstUnit, offset] = [0, 0];
  const planned: Sharding['shards'] = dealt.map((own, i) => {
    const shard = {
      from: Math.min(...own.map(({ from }) => from)),
      to: Math.max(...own.map(({ to }) => to)),
      partitions: own.reduce((sum, { partitions }) => sum + partitions, 0),
      firstUnit,
      units: own.length,
      list: { offset, bytes: lines[i]!.length, sha256: sha256Of(lines[i]!) },
    };
    firstUnit += own.length;
    offset += lines[i]!.length;
    return shard;
  });
  return { lists, shards: planned };
}

export function loadShard({ stage: uri, stageToken, list }: LoadTask): Promise<LoadedShard> {
  return withHeartbeats(Context.current(), () =>
    refusing(async () => {
      // Not refused while the stage is unavailable: the shard would be lost, and the run with it.
      const line = await openStage(uri, stageToken).read(list);
      return { version: 1, units: JSON.parse(Buffer.from(line).toString('utf8')) as Unit[] };
    }),
  );
}
