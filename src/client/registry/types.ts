/** What the registry shows of models, versions and aliases. */
import type { ComparisonOptions } from '../../models/compare';

/** A registered model. */
export interface ModelListing {
  name: string;
  /** Name of the model definition that trains it. */
  definition: string;
  /** Columns of the partition key. */
  keyColumns: string[];
  versions: number;
  /** Number of the newest version. */
  latest: number;
  aliases: Record<string, number>;
}

/** A version of a model. */
export interface VersionView {
  model: string;
  version: number;
  /** Aliases that point at it now. */
  aliases: string[];
  /** Partitions with a model. */
  entries: number;
  /** How many of them are new in this version; the others are those of `base`. */
  changed: number;
  base: number | null;
  /** The training run. Null if a promotion created the version. */
  run: string | null;
  description: string;
  tags: Record<string, string>;
  /** ISO 8601 UTC. */
  createdAt: string;
}

/** A step in an alias's history. */
export interface AliasStep {
  version: number;
  at: string;
  how: 'promote' | 'rollback';
}

export interface PromoteOptions {
  /**
   * Promote partition by partition: take only models whose metric is better than in the version that the
   * alias points at. Creates a new version.
   */
  whereBetter?: ComparisonOptions;
}

/** What `promote` would do now. */
export interface PromotionPreview extends Omit<Promotion, 'version'> {
  /** The version that the alias would point at. Null if that would be a new one. */
  version: number | null;
}

/** The result of a promotion. */
export interface Promotion {
  alias: string;
  /** The version that the alias now points at. */
  version: number;
  before: number | null;
  /** With `whereBetter`: the number of partitions whose model was taken, and that kept their own. */
  taken: number | null;
  kept: number | null;
  /**
   * How many of those kept were measured on the rows of a different holdout condition, so that the metrics
   * cannot be compared.
   */
  otherRows: number | null;
}

/** A version: a number, an alias, or `'latest'`. */
export type VersionRef = number | string;
