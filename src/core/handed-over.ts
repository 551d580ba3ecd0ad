/**
 * What a unit that fails without a result says of its attempts, as details of the failure. Temporal counts
 * those that were handed over, which cost the partitions nothing.
 */
import { isObject } from './shape';

export interface HandedOver {
  /** Number of attempts that ended because of a worker shutdown, a pause or an unavailable stage. */
  handedOver: number;
}

/** 0 if the details do not say. At least one of the attempts was not handed over: the one that failed. */
export function handedOver(details: unknown, attempts: number): number {
  if (!isObject(details) || !Number.isInteger(details.handedOver)) return 0;
  return Math.min(Math.max(0, details.handedOver as number), Math.max(0, attempts - 1));
}
