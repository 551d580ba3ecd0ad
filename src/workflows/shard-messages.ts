/** What a run and its shards tell each other. */
import { defineSignal } from '@temporalio/workflow';
import type { ShardSettings } from '../run/plan';
import type { ShardReport } from '../run/shard-report';
import type { Place, Skipped } from './units';

/** Run → shard. */
export const settingsSignal = defineSignal<[ShardSettings]>('shardSettings');
/** Run → shard: where are these (`"3,7-9"`)? They are to stay there until it is decided what becomes of them. */
export const holdSignal = defineSignal<[{ ordinals: string }]>('shardHold');
export const decideSignal = defineSignal<[{ skip: boolean }]>('shardDecide');

/** Shard → run. */
export const reportSignal = defineSignal<[ShardReport]>('shardReport');
/** In the order of the ordinals. */
export const heldSignal = defineSignal<[{ shard: number; places: Place[] }]>('shardHeld');
export const skippedSignal = defineSignal<[{ shard: number; skipped: Skipped[] }]>('shardSkipped');

/** Names of those above: only runs and shards send them. */
export const SHARD_SIGNALS: ReadonlySet<string> = new Set(
  [settingsSignal, holdSignal, decideSignal, reportSignal, heldSignal, skippedSignal].map(({ name }) => name),
);
