/**
 * A run's rows as SQL of the warehouse: for functions that push work down, and for runs without a snapshot.
 */
import { decodePartitionId } from './partition-id';

export interface PushDown {
  /** The SQL after FROM. */
  from: string;
  /**
   * The same rows for use after `asOf` (ISO 8601 UTC), when the warehouse no longer accepts `from`; null: it
   * always does.
   */
  later: { from: string; asOf: string } | null;
  /** Whether these are the rows that the run pinned, regardless of later writes. */
  pinned: boolean;
  /**
   * The run's conditions on the rows, and one condition per key column, with a `?` for its value as in a
   * partition id.
   */
  conditions: string[];
  /** Bound to the `?` of `from` and of the conditions before the key conditions, in order. */
  binds: string[];
  /**
   * The SQL after SELECT for all columns in their transfer form; null: rows are never read this way.
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
