/**
 * The benchmarks: each compares two ways of the same work within one run, so that what else the machine does
 * cancels out.
 */
import type { World } from '../world';

export interface Measured {
  ratio: number;
  /** What it is made of, for people: seconds and the like. */
  details: Record<string, number>;
}

export interface Case {
  name: string;
  work: string;
  /** What the ratio is of. */
  ratio: string;
  /** Reached when the ratio is at least, or at most, so much. */
  target: { atLeast: number } | { atMost: number };
  /** Repeated measurements share one world. */
  prepare(world: World): Promise<void>;
  measure(world: World): Promise<Measured>;
}

/** Seconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}
