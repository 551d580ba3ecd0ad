/**
 * Distributes the units of a run over shards: child workflows for runs with more units, or more units in
 * flight, than one history can have (I7). Pure, and done once, during planning.
 */
import { firstAtLeast } from '../first-at-least';
import { MAX_LANES, MAX_SHARDS } from '../live-settings';
import type { Sharding, Unit } from '../plan';

/** Units per history: 500 activities are 1,500 events, far below Temporal's 4,096-event hint. */
export const MAX_UNITS = 500;

/** Number of shards of a run; 0 if it runs its units itself. */
export function shardsFor(units: number, maxConcurrency: number): number {
  const lanes = Math.min(maxConcurrency, units);
  if (lanes <= MAX_LANES && units <= MAX_UNITS) return 0;
  return Math.min(MAX_SHARDS, Math.max(shardsInFlight(lanes), Math.ceil(units / MAX_UNITS)));
}

/** Maximum number of shards that run at the same time. */
export function shardsInFlight(maxConcurrency: number): number {
  return Math.ceil(maxConcurrency / MAX_LANES);
}

/**
 * Deals out `units` (largest first) evenly by number: each shard gets neighbours in key order, sorted largest
 * first, and the shard with the largest unit comes first, so that nothing waits behind it.
 */
export function dealUnits(units: readonly Unit[], shards: number): Unit[][] {
  const rank = new Map(units.map((unit, i) => [unit, i]));
  const bySize = (a: Unit, b: Unit): number => rank.get(a)! - rank.get(b)!;
  const inKeyOrder = [...units].sort((a, b) => a.from - b.from);
  const dealt = Array.from({ length: shards }, (_, i) =>
    inKeyOrder.slice((i * units.length) / shards, ((i + 1) * units.length) / shards).sort(bySize),
  );
  return dealt.sort((a, b) => bySize(a[0]!, b[0]!));
}

/** Finds the number of the shard that has a partition; null if none has. */
export function shardFinder({ shards }: Sharding): (ordinal: number) => number | null {
  const ranges = shards.map(({ from, to }, shard) => ({ from, to, shard })).sort((a, b) => a.from - b.from);
  const beginnings = ranges.map(({ from }) => from);
  return (ordinal) => {
    const found = ranges[firstAtLeast(beginnings, ordinal + 1) - 1];
    return found !== undefined && ordinal <= found.to ? found.shard : null;
  };
}

/** How many units each shard may have in flight. */
export function lanesOf(maxConcurrency: number, shards: number): number[] {
  const each = Math.floor(maxConcurrency / shards);
  const more = maxConcurrency % shards;
  // enforces I7
  return Array.from({ length: shards }, (_, i) => Math.min(MAX_LANES, each + (i < more ? 1 : 0)));
}

/** Workflow id of a shard. */
export function shardId(run: { runId: string; execution: number }, shard: number): string {
  return `${run.runId}/execution-${run.execution}/shard-${shard}`;
}

/** The number in a shard's workflow id. */
export function shardNumber(workflowId: string): number {
  return Number(/\/shard-(\d+)$/.exec(workflowId)?.[1]);
}

/** The run id of a workflow: its own id for a run, the run's id for a shard. */
export function runIdOf(workflowId: string): string {
  return workflowId.replace(/\/execution-\d+\/shard-\d+$/, '');
}
