/** A unit's function, either the user's or the built-in `sql`, as used by the loop over partitions. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { CallContext } from '../../functions/context';
import { createPartitionData } from '../../functions/data';
import { FunctionMissing } from '../../functions/errors';
import { loadFunctions } from './load-functions';
import { stopInFunction } from './stop-in-function';
import { declaredColumns } from '../../rows/declared-columns';
import { PendingRows } from '../../rows/pending-rows';
import { SeenTypes } from '../../rows/seen-types';
import type { PartitionRows } from '../../rows/partition-rows';
import { previewOf } from '../../functions/preview';
import type { LoadAhead } from '../../functions/ahead/rows-ahead';
import { TableAnswers } from '../../functions/ahead/table-answers';
import { SqlFunction } from '../../functions/sql-function';
import type { SqlSession } from '../../functions/sql-session';
import { type IndexedPartition, loadKeys } from '../../functions/unit-index';
import type { Written } from '../../rows/written-alone';
import { didYouMean } from '../../core/nearest';
import type { RunnerUnit } from '../protocol';
import type { UntilRoom } from '../../files/full-disk';
import { SQL_FUNCTION } from '../../core/function-description';

/** The result of one call, copied so that code that runs later cannot change it. */
export interface Returned {
  rows: number;
  /** Null if there is nothing to show, or for batches, which have no previews. */
  preview: string | null;
  /**
   * Adds the rows to the pending ones. Returns false if they are incompatible with those, which must be
   * written first.
   */
  keep(): boolean | Promise<boolean>;
}

export interface UnitFunction {
  /** Number of pending rows. */
  readonly rows: number;
  /** Whether rows can be kept at any time, even while others are being written. */
  readonly canAlwaysKeep: boolean;
  /** Whether `lookAhead` is to be called before the partition is. */
  wantsAhead?(ordinal: number): boolean;
  /**
   * Prepares what the calls of this partition and of those after it need. Not while rows are being written.
   */
  lookAhead?(ordinal: number): Promise<void>;
  call(partition: IndexedPartition, rows: PartitionRows, call: CallContext): Promise<Returned>;
  /**
   * Writes the pending rows to a Parquet file, once there is room for it; rows that are added meanwhile go
   * into the next one. If all are refused, no file is written.
   */
  write(file: string, untilRoom: UntilRoom): Promise<Written>;
}

/** The sessions that run SQL: both are the same if the input is trusted like the code. */
export interface UnitSessions {
  /** Runs `data.sql` of the function's code. */
  own: SqlSession;
  /** Runs SQL of the input. */
  input: SqlSession;
}

export async function unitFunction(
  unit: RunnerUnit,
  sessions: UnitSessions,
  writer: DuckDBConnection,
  load: LoadAhead | null,
): Promise<UnitFunction> {
  if (unit.function.name === SQL_FUNCTION) return sqlFunction(unit, sessions.input, load);
  return userFunction(unit, sessions, writer, load);
}

async function userFunction(
  unit: RunnerUnit,
  { own, input }: UnitSessions,
  writer: DuckDBConnection,
  load: LoadAhead | null,
): Promise<UnitFunction> {
  const { name } = unit.function;
  const functions = unit.bundle === null ? new Map() : await loadFunctions(unit.bundle);
  const found = functions.get(name);
  if (found === undefined) {
    const names = [...functions.keys()];
    const known = names.length === 0 ? 'It has no functions.' : `It has: ${names.join(', ')}.`;
    throw new FunctionMissing(`This worker has no function "${name}".${didYouMean(name, names)} ${known}`);
  }
  const { output } = found;
  const keyNames = unit.keyColumns.map((column) => column.name);
  const pending = new PendingRows(
    output === undefined ? null : await declaredColumns(writer, output, keyNames),
  );
  if (load !== null) own.prepareAhead(unit.columns, load);
  return {
    canAlwaysKeep: true,
    wantsAhead: (ordinal) => own.wantsAhead(ordinal),
    lookAhead: (ordinal) => own.lookAhead(ordinal),
    get rows() {
      return pending.rows;
    },
    async call({ ordinal, key }, rows, { context, finish }) {
      own.beginPartition(ordinal, rows);
      const seen = new SeenTypes(rows.columns);
      const data = createPartitionData(rows, own, seen, input);
      const run = async (): Promise<unknown> => found.run(data, context);
      const result =
        unit.pause === true ? await stopInFunction(found.model?.hook ?? found.run, run) : await run();
      await finish();
      // The partition's own key, since the function may have changed the context's.
      const taken = pending.take(result, key, seen);
      return {
        rows: taken.rows.length,
        preview: unit.isBatch ? null : previewOf(result),
        keep: () => pending.add(ordinal, taken),
      };
    },
    write: (file, untilRoom) => pending.write(writer, unit.keyColumns, file, untilRoom),
  };
}

function sqlFunction(unit: RunnerUnit, session: SqlSession, load: LoadAhead | null): UnitFunction {
  const { sql } = unit.function;
  const ahead =
    load === null ? null : new TableAnswers(sql ?? '', unit.columns, unit.keyColumns, session, load);
  const query = new SqlFunction(
    sql ?? '',
    unit.keyColumns,
    session,
    (connection) => loadKeys(connection, unit.index, unit.keyColumns, unit.ordinals),
    ahead,
  );
  return {
    canAlwaysKeep: false,
    wantsAhead: (ordinal) => query.wantsAhead(ordinal),
    lookAhead: (ordinal) => query.lookAhead(ordinal),
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
    write: (file, untilRoom) => query.write(file, untilRoom),
  };
}
