/**
 * A run's rows in the warehouse's own SQL: for functions that push work down, and for runs without a
 * snapshot.
 */
import { decodePartitionId } from './partition-id';

export interface PushDown {
  /** What stands after FROM. */
  from: string;
  /**
   * The same rows once the warehouse no longer understands `from`, as of a time (ISO 8601 UTC); null: it
   * always does.
   */
  later: { from: string; asOf: string } | null;
  /** Whether these are the rows that the run pinned, whatever has been written since. */
  pinned: boolean;
  /**
   * Conditions of the run that the rows meet, and one for each key column, with one `?` for its value as in a
   * partition id.
   */
  conditions: string[];
  /** Bound to the `?` of `from` and of the conditions before those of the key, in order. */
  binds: string[];
  /**
   * What stands after SELECT for all columns in the form that they travel in; null: rows are never read this
   * way.
   */
  forms: string | null;
}

/** One partition's rows: `SELECT … FROM ${from} WHERE ${where}`, with the values bound in order. */
export interface PartitionSql {
  readonly from: string;
  readonly where: string;
  readonly values: readonly (string | null)[];
}

export function partitionSql(
  { from, later, conditions, binds }: Omit<PushDown, 'forms'>,
  partitionId: string,
  now: number,
): PartitionSql {
  return {
    from: later !== null && now >= Date.parse(later.asOf) ? later.from : from,
    where: conditions.join(' AND '),
    values: [...binds, ...decodePartitionId(partitionId)],
  };
}
