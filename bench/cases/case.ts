/**
 * The benchmarks. Each compares two ways of doing the same work within one run, so that other load on the
 * machine cancels out.
 */
import type { World } from '../world';

export interface Measured {
  ratio: number;
  /** The parts of the result, such as seconds, for people. */
  details: Record<string, number>;
  /** Sentences about targets of parts that were missed, if there are such targets. */
  missed?: string[];
}

export interface Case {
  name: string;
  work: string;
  /** The two quantities of the ratio. */
  ratio: string;
  /** The target is met when the ratio is at least, or at most, this number. */
  target: { atLeast: number } | { atMost: number };
  /** Repeated measurements share one world. */
  prepare(world: World): Promise<void>;
  measure(world: World): Promise<Measured>;
}

/** Seconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}
