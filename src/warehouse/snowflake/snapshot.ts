/**
 * Pins a run's rows in one session (I1): a table as of one statement, by Time Travel; sources without history
 * (queries, views, tables that keep none) as a temporary copy, which ends with the session.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { isForbidden, type Session, type StatementOptions } from '../../snowflake';
import type { PushDown } from '../../core/push-down';
import type { Stage } from '../../stage';
import { SnowflakeStage } from '../../stage/snowflake/snowflake-stage';
import { listFingerprints, listPartitions, narrow, refuseUnusable } from '../duckdb/partition-keys';
import { putIndex } from '../duckdb/snapshot';
import type {
  PartitionSizes,
  PartitionsRequest,
  PinnedSource,
  RangedPlace,
  Snapshot,
  SnapshotPlace,
  SnapshotRequest,
} from '../warehouse';
import { fingerprintSql } from './fingerprint';
import { dataOf, describeTable, selectRows, type DescribedSource, type SqlRequest, whereOf } from './source';
import { KEYS, keysInForm, keysSql, listKeys, listNumbers, numberPartitions } from './partition-keys';
import { pinnedSelect, type Held, type PinnedSelect } from './pinned-select';
import { pinnedTable, pushDownOf } from './push-down';
import { readThrough, unload } from './unload';

/** The session's temporary table of rows from sources without history. */
const COPY = 'PARTWISE_COPY';

export interface Planning {
  session: Session;
  /** An in-memory DuckDB. */
  connection: DuckDBConnection;
  /** Name of the Snowflake connection. */
  account: string;
  options: StatementOptions;
}

/** Returns the partitions that `pinRows` would make. */
export async function countPartitions(
  { session, connection, options }: Omit<Planning, 'account'>,
  request: PartitionsRequest & SqlRequest,
  source: DescribedSource,
): Promise<PartitionSizes> {
  const keys = keysSql(source, dataOf(request, source.columns), whereOf(request), []);
  await listKeys(
    connection,
    source,
    session.stream(`${keysInForm(source.keys, `(${keys.sql})`)}`, { ...options, binds: keys.binds }),
  );
  await refuseUnusable(connection, request, source.shape.keyColumns);
  if (request.only !== null) await narrow(connection, request.only);
  await numberPartitions(connection, source.keys);
  return { ...source.shape, ...(await listPartitions(connection)) };
}

/**
 * With `sample`, the partitions were counted before, which already reported problems with the source as a
 * whole.
 */
export async function pinRows(
  planning: Planning,
  request: SnapshotRequest & SqlRequest,
  source: DescribedSource,
  { sample }: { sample: boolean },
): Promise<PinnedSource> {
  const { session, connection, options } = planning;
  const { keyColumns } = source.shape;
  const { data, where, pushDown } = await pinSource(planning, request, source);
  const more = request.fingerprints === true ? [`${fingerprintSql(source.columns)} AS F`] : [];
  const keys = keysSql(source, data, where, more);
  await session.run(`CREATE OR REPLACE TEMPORARY TABLE ${KEYS} AS ${keys.sql}`, {
    ...options,
    binds: keys.binds,
  });
  await listKeys(connection, source, session.stream(keysInForm(source.keys, KEYS, more.length > 0), options));
  if (!sample) await refuseUnusable(connection, request, keyColumns);
  if (request.only !== null) await narrow(connection, request.only);
  await numberPartitions(connection, source.keys, { fingerprints: more.length > 0 });
  const sizes = { ...source.shape, ...(await listPartitions(connection)) };
  const numbers = request.only === null ? null : await listNumbers(connection);
  const fingerprints = more.length > 0 ? await listFingerprints(connection) : null;
  const put = async (place: SnapshotPlace): Promise<Snapshot> => ({
    index: await putIndex(connection, request, place, sizes.rows.length, keyColumns),
    files:
      place.ranges === null || sizes.rows.length === 0
        ? []
        : await putRows(
            planning,
            request,
            pinnedSelect(source, { data, where }, numbers, place.ranges),
            sizes.rows,
            {
              ...place,
              ranges: place.ranges,
            },
          ),
  });
  return { ...sizes, fingerprints, files: null, pushDown, put };
}

async function pinSource(
  { session, options }: Planning,
  request: SqlRequest,
  source: DescribedSource,
): Promise<Held & { pushDown: PushDown }> {
  const run: typeof session.run = (sql, more) => session.run(sql, { ...options, ...more });
  const table = 'table' in request.source ? await describeTable(run, request.source.table) : null;
  const where = whereOf(request);
  if (table?.hasHistory === true) {
    const { queryId, rows } = await run('SELECT DATE_PART(EPOCH_NANOSECOND, CURRENT_TIMESTAMP())');
    const pinned = pinnedTable(table.name, { queryId, nanoseconds: rows[0]![0]! }, Date.now());
    const pushDown = pushDownOf({ ...pinned, binds: [] }, where, source);
    return { data: { sql: pinned.from, binds: [] }, where, pushDown };
  }
  const now = dataOf(request, source.columns);
  const { sql, binds } = selectRows(now, where);
  await run(`CREATE OR REPLACE TEMPORARY TABLE ${COPY} AS ${sql}`, { binds });
  const rows = { from: now.sql, later: null, pinned: false, binds: now.binds };
  return {
    data: { sql: `${COPY} AS data`, binds: [] },
    where: { sql: '', binds: [] },
    pushDown: pushDownOf(rows, where, source),
  };
}

async function putRows(
  { session, connection, account, options }: Planning,
  { scratch }: SnapshotRequest,
  pinned: PinnedSelect,
  rows: readonly number[],
  place: RangedPlace,
): Promise<Snapshot['files']> {
  if (isOwnStage(place.stage, account)) {
    try {
      return await unload(session, pinned, rows, { ...place, stage: place.stage }, options);
    } catch (error) {
      // The role may read, but not unload.
      if (!isForbidden(error)) throw error;
    }
  }
  return readThrough(session, connection, pinned, rows, place, { ...options, scratch });
}

/**
 * Whether this connection can reach the stage, so that one statement can read a table and write to the stage.
 */
export function isOwnStage(stage: Stage, account: string): stage is SnowflakeStage {
  return stage instanceof SnowflakeStage && stage.location.connection === account;
}
