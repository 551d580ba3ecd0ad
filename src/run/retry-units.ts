/** Partitions of batches that threw, gathered into units for the next round. */
import { decodeOrdinals, encodeOrdinals } from './ordinals';

/** A round adds at most this many activities, however many partitions threw (I7). */
const MOST_UNITS_PER_ROUND = 100;

/** Spreads the ordinals over enough units to keep the lanes busy. */
export function cutRetryUnits(
  thrown: readonly string[],
  lanes: number,
): { from: number; to: number; only: string }[] {
  const ordinals = thrown.flatMap(decodeOrdinals).sort((a, b) => a - b);
  const units = Math.min(MOST_UNITS_PER_ROUND, 4 * lanes, ordinals.length);
  const size = Math.ceil(ordinals.length / Math.max(units, 1));
  const cut: { from: number; to: number; only: string }[] = [];
  for (let i = 0; i < ordinals.length; i += size) {
    const part = ordinals.slice(i, i + size);
    cut.push({ from: part[0]!, to: part.at(-1)!, only: encodeOrdinals(part) });
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
