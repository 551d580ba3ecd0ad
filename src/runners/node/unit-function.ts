/** The function of a unit, be it the user's or the built-in `sql`, as the loop over partitions sees it. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { CallContext } from '../../functions/context';
import { createPartitionData } from '../../functions/data';
import { FunctionMissing } from '../../functions/errors';
import { loadFunctions } from './load-functions';
import { PendingRows } from '../../rows/pending-rows';
import type { PartitionRows } from '../../rows/partition-rows';
import { previewOf } from '../../functions/preview';
import { SqlFunction } from '../../functions/sql-function';
import type { SqlSession } from '../../functions/sql-session';
import { type IndexedPartition, loadKeys } from '../../functions/unit-index';
import type { Written } from '../../rows/written-alone';
import { didYouMean } from '../../core/nearest';
import type { RunnerUnit } from '../protocol';
import { SQL_FUNCTION } from '../../core/function-description';

/** What one call gave: copies, so that nothing that runs later changes it. */
export interface Returned {
  rows: number;
  /** Null: there is nothing to show, or it is a batch, where nobody looks. */
  preview: string | null;
  /**
   * Puts the rows with those to be written; false: they do not go together with those before, write these
   * first.
   */
  keep(): boolean | Promise<boolean>;
}

export interface UnitFunction {
  /** Rows kept and not yet written. */
  readonly rows: number;
  /** Whether rows can be kept at any time, also while others are being written. */
  readonly keepsAtOnce: boolean;
  call(partition: IndexedPartition, rows: PartitionRows, call: CallContext): Promise<Returned>;
  /**
   * Writes the rows kept so far to a Parquet file; what is kept from now on goes into the next. No file: all
   * were refused.
   */
  write(file: string): Promise<Written>;
}

/** Where SQL runs: the same session for both when the input is trusted as the code is. */
export interface UnitSessions {
  /** What the function's code asks with `data.sql`. */
  own: SqlSession;
  /** SQL that came with the input. */
  input: SqlSession;
}

export async function unitFunction(
  unit: RunnerUnit,
  sessions: UnitSessions,
  writer: DuckDBConnection,
): Promise<UnitFunction> {
  if (unit.function.name === SQL_FUNCTION) return sqlFunction(unit, sessions.input);
  return userFunction(unit, sessions, writer);
}

async function userFunction(
  unit: RunnerUnit,
  { own, input }: UnitSessions,
  writer: DuckDBConnection,
): Promise<UnitFunction> {
  const { name } = unit.function;
  const functions = unit.bundle === null ? new Map() : await loadFunctions(unit.bundle);
  const found = functions.get(name);
  if (found === undefined) {
    const names = [...functions.keys()];
    const known = names.length === 0 ? 'It has no functions.' : `It has: ${names.join(', ')}.`;
    throw new FunctionMissing(`This worker has no function "${name}".${didYouMean(name, names)} ${known}`);
  }
  const pending = new PendingRows();
  return {
    keepsAtOnce: true,
    get rows() {
      return pending.rows;
    },
    async call({ ordinal, key }, rows, { context, finish }) {
      const data = createPartitionData(rows, own, input);
      // The user's file is loaded: breakpoints in it hold from here on.
      // eslint-disable-next-line no-debugger
      if (unit.pause === true) debugger;
      const result: unknown = await found.run(data, context);
      await finish();
      // The key is the partition's own: that of the context is the function's to change.
      const taken = pending.take(result, key);
      return {
        rows: taken.rows.length,
        preview: unit.isBatch ? null : previewOf(result),
        keep: () => pending.add(ordinal, taken),
      };
    },
    write: (file) => pending.write(writer, unit.keyColumns, file),
  };
}

function sqlFunction(unit: RunnerUnit, session: SqlSession): UnitFunction {
  const query = new SqlFunction(unit.function.sql ?? '', unit.keyColumns, session, (connection) =>
    loadKeys(connection, unit.index, unit.ordinals),
  );
  return {
    keepsAtOnce: false,
    get rows() {
      return query.rows;
    },
    async call({ ordinal }, rows, { finish }) {
      const result = await query.run(ordinal, rows);
      await finish();
      return {
        rows: result.rows,
        preview: unit.isBatch ? null : previewOf(result.first),
        keep: () => query.keep(ordinal, result),
      };
    },
    write: (file) => query.write(file),
  };
}
