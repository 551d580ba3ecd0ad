/** What the API answers about models. Types only. */
import type { AliasStep, ModelEntry, ModelListing, Quantiles, VersionView } from '../..';

/** What `GET /api/v1/models/NAME` answers. */
export interface ModelAnswer {
  model: ModelListing;
  /** Oldest first. */
  versions: VersionView[];
  /** Of each alias, oldest first. */
  history: { alias: string; steps: AliasStep[] }[];
  /** Names of the metrics of the newest version. */
  metrics: string[];
}

/** What `GET /api/v1/models/NAME/versions/N` answers. */
export interface VersionAnswer {
  version: VersionView;
  /** Those after the partition that was asked for, or the one whose id was. */
  entries: ModelEntry[];
  /** Partition after which the next page starts; null on the last. */
  next: string | null;
}

/** A partition in a comparison of two versions. */
export interface ComparedRow {
  partition: string;
  a: number | null;
  b: number | null;
  better: 'a' | 'b' | null;
}

/** Partitions of a comparison by what can be said of them; each is in one of these. */
export interface ComparisonCounts {
  total: number;
  betterA: number;
  betterB: number;
  /** The same model in both versions. */
  same: number;
  /** Different models with the same metric. */
  equal: number;
  /** Measured with different holdout conditions: cannot be compared. */
  otherRows: number;
  /** Only one version has a model. */
  missing: number;
  /** The metric was not measured in both versions. */
  notMeasured: number;
}

/** What `GET /api/v1/models/NAME/compare` answers. */
export interface ComparisonAnswer {
  metric: string;
  counts: ComparisonCounts;
  /** Partitions with both values that can be compared, except those with the same model; null without any. */
  scatter: Scatter | null;
  /** b − a of the same partitions; null without any. */
  differences: { quantiles: Quantiles; from: number; to: number; bins: number[] } | null;
  /** Where b is worse by the most, first. */
  worst: ComparedRow[];
  /** Where b is better by the most, first. */
  best: ComparedRow[];
  otherRows: ComparedRow[];
  /** Those where only one version has a model. */
  missing: ComparedRow[];
}

/** a × b as counts in a square of cells. */
export interface Scatter {
  /** Cells on each side. */
  side: number;
  scale: 'linear' | 'log';
  /** Of both axes. */
  from: number;
  to: number;
  /** Column, line, count of the cells that have any. */
  cells: number[];
}
