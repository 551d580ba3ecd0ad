/**
 * Joins neighbouring one-partition units into one activity if they turn out to be quick, because an activity
 * costs more than they do. Slow functions keep one activity per partition.
 *
 * The workflow's commands depend on these numbers, so a history can only be continued with the ones it
 * started with: after a release, changing them needs `patched()`, and test/replay fails without it.
 */

/**
 * Maximum work in one activity, in milliseconds: it limits how much is lost if its worker dies.
 */
const JOIN_UP_TO_MS = 1_000;
/**
 * This many activities cost little, and let each partition of a small run be watched, skipped and stopped
 * individually.
 */
const FEW_UNITS = 64;
/** Less than this share of `joinUpToMs` is not worth an activity. */
const MIN_SHARE = 0.1;
/**
 * Overhead of an activity in addition to its calls, in milliseconds (bench/RESULTS.md); for estimating how
 * many ran at the same time.
 */
const ACTIVITY_MS = 25;
/** Clocks cannot measure shorter calls. */
const MIN_MS = 0.1;

/** How much work may be joined into one activity; null: units are never joined. */
export function joinUpToMs({
  units,
  partitionsPerUnit,
}: {
  units: number;
  /** As set by the user; null: not set. */
  partitionsPerUnit: number | null;
}): number | null {
  return partitionsPerUnit === null && units > FEW_UNITS ? JOIN_UP_TO_MS : null;
}

/**
 * Estimates how many activities run at the same time, from the durations of those that have ended: there may
 * be fewer runners than lanes, and then activities wait for one. Returns all lanes until that many activities
 * have ended.
 */
export function lanesAtWork(pace: {
  lanes: number;
  /** Number of ended activities. */
  activities: number;
  /** Total time that their functions took. */
  doneMs: number;
  /** Since the first one started. */
  elapsedMs: number;
}): number {
  const { lanes, activities, doneMs, elapsedMs } = pace;
  if (activities < lanes || elapsedMs <= 0) return lanes;
  return Math.min(lanes, Math.ceil((doneMs + activities * ACTIVITY_MS) / elapsedMs));
}

/**
 * How many units to put into the next activity, based on how long partitions have taken so far. While much is
 * left, enough to fill `joinUpToMs`; towards the end fewer, so that all activities finish at about the same
 * time.
 */
export function unitsToJoin(speed: {
  /** Mean time of a partition. */
  meanMs: number;
  /** Number of waiting units. */
  left: number;
  /** Number of concurrent activities. */
  lanes: number;
  joinUpToMs: number;
}): number {
  const { left, lanes, joinUpToMs } = speed;
  const meanMs = Math.max(speed.meanMs, MIN_MS);
  const fairShare = Math.ceil(left / (2 * Math.max(1, lanes)));
  const least = Math.ceil((joinUpToMs * MIN_SHARE) / meanMs);
  return Math.max(1, Math.min(Math.max(fairShare, least), Math.floor(joinUpToMs / meanMs)));
}
