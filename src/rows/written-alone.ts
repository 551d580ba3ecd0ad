/**
 * Rows of many partitions are written as one file. If some cannot be written, only their own partitions fail
 * (I5).
 */
import { asSqlError, SqlError } from '../duckdb/sql-error';
import { InvalidResult } from './invalid-result';

export interface Written {
  /** Why partitions' rows were not written, by ordinal. */
  refused: ReadonlyMap<number, Error>;
  /** False if all partitions were refused, so there is no file. */
  isWritten: boolean;
}

export const NOTHING_WRITTEN: Written = { refused: new Map(), isWritten: false };

/**
 * Calls `write` with all partitions. If that fails, bisects to find the partitions that cannot be written,
 * and writes the others together. Rejects if no partition is to blame: the disk is full, or nothing can be
 * written. `write` gets at least one ordinal and replaces what it wrote before.
 */
export async function writeOrRefuse(
  ordinals: readonly number[],
  write: (ordinals: readonly number[]) => Promise<void>,
): Promise<Written> {
  const refused = new Map<number, Error>();
  let isWhole = false;
  const search = async (some: readonly number[]): Promise<void> => {
    try {
      await write(some);
      isWhole = some === ordinals;
      return;
    } catch (error) {
      if (!isCausedByRows(error)) throw error;
      if (some.length === 1) return void refused.set(some[0]!, toRefusal(error));
    }
    const middle = some.length >> 1;
    await search(some.slice(0, middle));
    await search(some.slice(middle));
  };
  // enforces I5
  await search(ordinals);
  if (isWhole) return { refused, isWritten: true };
  // Each attempt replaced the file of the previous one, so the file now has at most a part of the rows.
  const rest = ordinals.filter((ordinal) => !refused.has(ordinal));
  if (rest.length > 0) await write(rest);
  return { refused, isWritten: rest.length > 0 };
}

/** Kinds of DuckDB errors that are not caused by the rows. */
const ENVIRONMENT_ERRORS = /^(IO|Fatal|Internal|Interrupt|Connection) Error: /i;

function isCausedByRows(error: unknown): boolean {
  const message = error instanceof Error ? error.message : '';
  // Violations of Parquet's limits are IO errors too.
  if (message.startsWith('IO Error: Parquet ')) return true;
  return !ENVIRONMENT_ERRORS.test(message) && (error as { code?: unknown }).code === undefined;
}

function toRefusal(error: unknown): Error {
  const known = asSqlError(error);
  // It may succeed later, or with more memory.
  if (known instanceof SqlError && !known.nonRetryable && known.name.startsWith('OutOfMemory')) return known;
  return new InvalidResult(
    `The returned rows cannot be stored: ${known instanceof Error ? known.message : String(known)}`,
  );
}
