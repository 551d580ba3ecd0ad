/** What a run and its shards tell each other. */
import { defineSignal } from '@temporalio/workflow';
import type { ShardSettings } from '../core/tasks';
import type { ShardReport } from '../core/units/shard-report';
import { flag, isObject, listOf, oneOf, shapeOf, text } from '../core/shape';
import { PARTITION_STATUSES } from '../core/status';
import type { UnitPlace, Skipped } from './units';

/**
 * Anybody who may write to the namespace can send these, too: what is not such a message is passed over, so
 * that it cannot end a run.
 */

/** Run → shard. */
export const settingsSignal = defineSignal<[ShardSettings]>('shardSettings');
/**
 * Run → shard: where are these (`"3,7-9"`)? They are to stay there until it is decided what becomes of them.
 */
export const holdSignal = defineSignal<[{ ordinals: string }]>('shardHold');
export const decideSignal = defineSignal<[{ skip: boolean }]>('shardDecide');

/** Shard → run. */
export const reportSignal = defineSignal<[ShardReport]>('shardReport');
/** In the order of the ordinals. */
export const heldSignal = defineSignal<[{ shard: number; places: UnitPlace[] }]>('shardHeld');
export const skippedSignal = defineSignal<[{ shard: number; skipped: Skipped[] }]>('shardSkipped');

/** Names of those above: only runs and shards send them. */
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
