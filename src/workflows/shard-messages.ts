/** Signals between a run and its shards. */
import { defineSignal } from '@temporalio/workflow';
import type { ShardSettings } from '../core/tasks';
import type { ShardReport } from '../core/units/shard-report';
import { flag, isObject, listOf, oneOf, shapeOf, text } from '../core/shape';
import { PARTITION_STATUSES } from '../core/status';
import type { UnitPlace, Skipped } from './units';

/**
 * Anyone who can write to the namespace can also send these: malformed messages are ignored, so they cannot
 * end a run.
 */

/** Run → shard. */
export const settingsSignal = defineSignal<[ShardSettings]>('shardSettings');
/**
 * Run → shard: asks where these partitions (`"3,7-9"`) are, and holds them until the decision.
 */
export const holdSignal = defineSignal<[{ ordinals: string }]>('shardHold');
export const decideSignal = defineSignal<[{ skip: boolean }]>('shardDecide');

/** Shard → run. */
export const reportSignal = defineSignal<[ShardReport]>('shardReport');
/** In the order of the ordinals. */
export const heldSignal = defineSignal<[{ shard: number; places: UnitPlace[] }]>('shardHeld');
export const skippedSignal = defineSignal<[{ shard: number; skipped: Skipped[] }]>('shardSkipped');

/** Names of the signals above: only runs and shards send them. */
export const SHARD_SIGNALS: ReadonlySet<string> = new Set(
  [settingsSignal, holdSignal, decideSignal, reportSignal, heldSignal, skippedSignal].map(({ name }) => name),
);
const place = (value: unknown): boolean =>
  isObject(value) &&
  (oneOf('waiting', 'gone')(value.type) ||
    (value.type === 'running' && text(value.label) && flag(value.isSingle)));
const skippedPartition = shapeOf<Skipped>({ status: oneOf(...PARTITION_STATUSES), cutOff: flag });

export function arePlaces(value: unknown): value is UnitPlace[] {
  return listOf(place)(value);
}

export function areSkipped(value: unknown): value is Skipped[] {
  return listOf(skippedPartition)(value);
}
