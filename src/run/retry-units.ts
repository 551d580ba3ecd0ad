/** Partitions of batches that threw, gathered into units for the next round. */
import { encodeOrdinals } from './ordinals';

/** A round adds at most this many activities, however many partitions threw (I7). */
const MOST_UNITS_PER_ROUND = 100;
/** All rounds together: with 500 first units, far below 10,000 events. */
const MOST_RETRY_UNITS = 1_000;

/** How many units a round may have: enough to keep the lanes busy, and few enough for all rounds to fit into one history. */
export function retryUnitsPerRound(lanes: number, maximumAttempts: number): number {
  // enforces I7
  const share = Math.floor(MOST_RETRY_UNITS / Math.max(1, maximumAttempts - 1));
  return Math.max(1, Math.min(MOST_UNITS_PER_ROUND, 4 * lanes, share));
}

/** Spreads the ordinals over at most so many units. */
export function cutRetryUnits(
  thrown: Iterable<number>,
  most: number,
): { from: number; to: number; only: string; partitions: number }[] {
  const ordinals = [...thrown].sort((a, b) => a - b);
  const units = Math.min(most, ordinals.length);
  const size = Math.ceil(ordinals.length / Math.max(units, 1));
  const cut: { from: number; to: number; only: string; partitions: number }[] = [];
  for (let i = 0; i < ordinals.length; i += size) {
    const part = ordinals.slice(i, i + size);
    cut.push({ from: part[0]!, to: part.at(-1)!, only: encodeOrdinals(part), partitions: part.length });
  }
  return cut;
}

/** Wait before round `round` (1 is the first retry), as Temporal's retry policies compute it. */
export function retryWaitMs(
  retry: { initialIntervalMs: number; backoffCoefficient: number; maximumIntervalMs: number },
  round: number,
): number {
  return Math.min(retry.maximumIntervalMs, retry.initialIntervalMs * retry.backoffCoefficient ** (round - 1));
}
