/** Compares two versions by one metric, partition by partition. Pure. */
import { didYouMean } from '../core/nearest';
import { RegistryRefused } from './records';
import type { ModelEntry } from './types';

export interface ComparisonOptions {
  /** Name of the metric, such as `mae`. */
  metric: string;
  /** Whether higher values are better (accuracy, for example). Default false: lower values are better. */
  higherIsBetter?: boolean;
}

/** One partition in two versions. */
export interface ComparedPartition {
  partition: string;
  /** The metric of version a. Null if there is no model, or it was not measured. */
  a: number | null;
  b: number | null;
  /** Null if they are equal or cannot be compared. A model is better than no model. */
  better: 'a' | 'b' | null;
  /**
   * Whether the two were measured with different holdout conditions, so that the metrics cannot be compared.
   */
  otherRows: boolean;
  /** Whether both versions have the identical model. */
  same: boolean;
}

export interface Comparison {
  metric: string;
  /** Sorted by partition id. */
  partitions: ComparedPartition[];
  /** Number of partitions for which each version is better. */
  better: { a: number; b: number };
  /** Number of partitions measured with different holdout conditions. */
  otherRows: number;
}

/** Throws `RegistryRefused` if no model has the metric. */
export function compareEntries(
  a: readonly ModelEntry[],
  b: readonly ModelEntry[],
  { metric, higherIsBetter = false }: ComparisonOptions,
): Comparison {
  const names = new Set([...a, ...b].flatMap(({ metrics }) => Object.keys(metrics)));
  if (!names.has(metric)) {
    throw new RegistryRefused(
      names.size === 0
        ? `The models have no metrics, so "${metric}" cannot be compared: add "metrics" to the model definition and train again.`
        : `The models have no metric "${metric}".${didYouMean(metric, [...names])} They have: ${[...names].join(', ')}.`,
    );
  }
  const first = new Map(a.map((entry) => [entry.partition, entry]));
  const second = new Map(b.map((entry) => [entry.partition, entry]));
  const partitions = [...new Set([...first.keys(), ...second.keys()])].sort().map((partition) => {
    const [one, other] = [first.get(partition), second.get(partition)];
    const values = { a: one?.metrics[metric] ?? null, b: other?.metrics[metric] ?? null };
    const same = one !== undefined && one.sha256 === other?.sha256;
    const otherRows = !same && one !== undefined && other !== undefined && one.holdout !== other.holdout;
    const better = same || otherRows ? null : betterOf(one, other, values, higherIsBetter);
    return { partition, ...values, same, better, otherRows };
  });
  const count = (which: 'a' | 'b'): number => partitions.filter(({ better }) => better === which).length;
  return {
    metric,
    partitions,
    better: { a: count('a'), b: count('b') },
    otherRows: partitions.filter(({ otherRows }) => otherRows).length,
  };
}

function betterOf(
  one: ModelEntry | undefined,
  other: ModelEntry | undefined,
  { a, b }: { a: number | null; b: number | null },
  higherIsBetter: boolean,
): 'a' | 'b' | null {
  if (one === undefined) return 'b';
  if (other === undefined) return 'a';
  if (a === null || b === null || a === b) return null;
  return a < b !== higherIsBetter ? 'a' : 'b';
}
