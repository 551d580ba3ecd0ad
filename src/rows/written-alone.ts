/**
 * Rows of many partitions are written as one file; what cannot be written is found, and costs its own
 * partition alone (I5).
 */
import { asSqlError, SqlError } from '../duckdb/sql-error';
import { InvalidResult } from './invalid-result';

export interface Written {
  /** By ordinal: why the rows of these partitions were not written. */
  refused: ReadonlyMap<number, Error>;
  /** False: all were refused, and there is no file. */
  isWritten: boolean;
}

export const NOTHING_WRITTEN: Written = { refused: new Map(), isWritten: false };

/**
 * Calls `write` with all partitions. When that fails, halves are tried until those that cannot be written by
 * themselves are known, and the others are written together. Rejects when no partition is to blame: the disk
 * is full, or nothing can be written at all. `write` writes the rows of these ordinals, which are at least
 * one, in place of what it wrote before.
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
      if (!isOfRows(error)) throw error;
      if (some.length === 1) return void refused.set(some[0]!, toRefusal(error));
    }
    const middle = some.length >> 1;
    await search(some.slice(0, middle));
    await search(some.slice(middle));
  };
  // enforces I5
  await search(ordinals);
  if (isWhole) return { refused, isWritten: true };
  // Each try replaced the file of the one before, so by now it holds a part of the rows at most.
  const rest = ordinals.filter((ordinal) => !refused.has(ordinal));
  if (rest.length > 0) await write(rest);
  return { refused, isWritten: rest.length > 0 };
}

/** Kinds of DuckDB's errors that say nothing about the rows. */
const OF_THE_MACHINE = /^(IO|Fatal|Internal|Interrupt|Connection) Error: /i;

function isOfRows(error: unknown): boolean {
  const message = error instanceof Error ? error.message : '';
  // Parquet's own limits come as IO errors too.
  if (message.startsWith('IO Error: Parquet ')) return true;
  return !OF_THE_MACHINE.test(message) && (error as { code?: unknown }).code === undefined;
}

function toRefusal(error: unknown): Error {
  const known = asSqlError(error);
  // Another time, or with more memory, it may work.
  if (known instanceof SqlError && !known.nonRetryable && known.name.startsWith('OutOfMemory')) return known;
  return new InvalidResult(
    `The returned rows cannot be stored: ${known instanceof Error ? known.message : String(known)}`,
  );
}
