/** What the registry shows of models, versions and aliases. */
import type { ComparisonOptions } from '../../models/compare';

/** A model of the registry. */
export interface ModelListing {
  name: string;
  /** Name of the definition that makes it. */
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
  /** How many of them this version brought; the others are `base`'s. */
  changed: number;
  base: number | null;
  /** The training run; null: it was put together by a promotion. */
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
   * Move partition by partition: only where this metric is better than that of the version that the alias
   * points at. The result is a new version.
   */
  whereBetter?: ComparisonOptions;
}

/** What a promotion did. */
export interface Promotion {
  alias: string;
  /** Where the alias points now. */
  version: number;
  before: number | null;
  /** With `whereBetter`: partitions whose model was taken, and those that kept theirs. */
  taken: number | null;
  kept: number | null;
  /**
   * Of those that kept theirs: measured on rows of another condition, so that nothing says which is better.
   */
  otherRows: number | null;
}

/** A version: a number, an alias, or `'latest'`. */
export type VersionRef = number | string;
