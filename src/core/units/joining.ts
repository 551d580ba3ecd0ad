/**
 * Units of one partition that turn out to be quick: several neighbours become one activity, since an activity
 * costs more than they do. A function that takes its time keeps an activity for each partition.
 *
 * The workflow judges by these numbers, so a history goes on only with those that it began with: once a
 * release has them, others need `patched()`, and test/replay says so.
 */
import type { Unit } from '../plan';

/**
 * The most work that is put into one activity, in milliseconds: what is lost when its worker dies stays
 * small.
 */
const JOIN_UP_TO_MS = 1_000;
/**
 * So many activities cost little, and each partition of a small run is watched, skipped and stopped by
 * itself.
 */
const FEW_UNITS = 64;
/** Less work than this share of it is not worth an activity. */
const MIN_SHARE = 0.1;
/**
 * What an activity takes beside its calls, in milliseconds (bench/RESULTS.md); for judging how many ran at
 * once.
 */
const ACTIVITY_MS = 25;
/** Clocks tell nothing of shorter calls. */
const MIN_MS = 0.1;
/** Temporal's UI shows an activity's summary as one line. */
const LABEL_LENGTH = 200;

/** How much work of a run's units may become one activity; null: they stay as they are. */
export function joinUpToMs({
  units,
  partitionsPerUnit,
}: {
  units: number;
  /** As the user asked; null: they did not. */
  partitionsPerUnit: number | null;
}): number | null {
  return partitionsPerUnit === null && units > FEW_UNITS ? JOIN_UP_TO_MS : null;
}

/**
 * How many activities run at once, judged by how long those took that have ended: there may be fewer runners
 * than lanes, and what waits for one is in nobody's hands. All lanes, until as many activities have ended.
 */
export function lanesAtWork(pace: {
  lanes: number;
  /** Activities that have ended. */
  activities: number;
  /** How long their functions took, together. */
  doneMs: number;
  /** Since the first began. */
  elapsedMs: number;
}): number {
  const { lanes, activities, doneMs, elapsedMs } = pace;
  if (activities < lanes || elapsedMs <= 0) return lanes;
  return Math.min(lanes, Math.ceil((doneMs + activities * ACTIVITY_MS) / elapsedMs));
}

/**
 * How many units the next activity takes, judged by how long partitions took so far. While there is much
 * left, so many that `joinUpToMs` are filled; towards the end fewer, so that all that work come to their end
 * together.
 */
export function unitsToJoin(speed: {
  /** Mean time of a partition. */
  meanMs: number;
  /** Units that wait. */
  left: number;
  /** Activities that run at once. */
  lanes: number;
  joinUpToMs: number;
}): number {
  const { left, lanes, joinUpToMs } = speed;
  const meanMs = Math.max(speed.meanMs, MIN_MS);
  const fairShare = Math.ceil(left / (2 * Math.max(1, lanes)));
  const least = Math.ceil((joinUpToMs * MIN_SHARE) / meanMs);
  return Math.max(1, Math.min(Math.max(fairShare, least), Math.floor(joinUpToMs / meanMs)));
}

/** What Temporal's UI shows of neighbours that are one activity. */
export function joinedLabel(first: Pick<Unit, 'label'>, last: Pick<Unit, 'label'>): string {
  return `${first.label} … ${last.label}`.slice(0, LABEL_LENGTH);
}
