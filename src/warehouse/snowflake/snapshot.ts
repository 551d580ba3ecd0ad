/**
 * Pins a run's rows in one session (I1): a table as it was at one statement, by Time Travel; what has no history (queries, views, tables
 * that keep none) as a temporary copy, which goes with the session. Keys are numbered in Snowflake; their ids are made here, by the
 * code that makes them for every warehouse (I6).
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { Refusal } from '../../run/refusal';
import { isForbidden, type Session, type StatementOptions, type TextRow } from '../../snowflake';
import type { PushDown } from '../../run/push-down';
import { quoteName } from '../../snowflake/names';
import type { Stage } from '../../stage';
import { SnowflakeStage } from '../../stage/snowflake/snowflake-stage';
import { queryRows, quoteIdentifier } from '../duckdb/database';
import {
  idSql,
  listFingerprints,
  listPartitions,
  narrow,
  putIndex,
  refuseUnusable,
} from '../duckdb/snapshot';
import type {
  PartitionSizes,
  PartitionsRequest,
  PinnedSource,
  RangedPlace,
  Snapshot,
  SnapshotPlace,
  SnapshotRequest,
} from '../warehouse';
import { restoreSql, unloadSql } from './column-types';
import { fingerprintSql } from './fingerprint';
import {
  dataOf,
  describeTable,
  selectRows,
  type DescribedSource,
  type SourceColumn,
  type SqlRequest,
  whereOf,
  whereSql,
} from './source';
import type { BoundSql } from './parameters';
import { loadTexts } from './text-rows';
import { formsOf, pinnedTable, pushDownOf } from './push-down';
import { readThrough, unload, type PinnedSelect } from './unload';

/** Temporary tables of the session. */
const COPY = 'PARTWISE_COPY';
const KEYS = 'PARTWISE_KEYS';

export interface Planning {
  session: Session;
  /** DuckDB, in memory. */
  connection: DuckDBConnection;
  /** Name of the Snowflake connection. */
  account: string;
  options: StatementOptions;
}

/** The partitions that `pinRows` would make. */
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

/** `sample`: of partitions that were counted before, so that what is wrong with the source as a whole was told then. */
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
    index: await putIndex(connection, request, place, sizes.rows.length),
    files:
      place.ranges === null
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

/** A source that holds still in this session. */
interface Held {
  /** What stands after FROM. */
  data: BoundSql;
  /** Condition on it; empty: none. */
  where: BoundSql;
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

/** Each key once: K0, K1, … in their own types, rows, and a number in key order. */
function keysSql(
  { keys }: DescribedSource,
  data: BoundSql,
  where: BoundSql,
  more: readonly string[],
): BoundSql {
  const names = keys.map(nameInData);
  const order = names.map((name) => `${name} NULLS LAST`).join(', ');
  const selected = [
    ...names.map((name, i) => `${name} AS K${i}`),
    'COUNT(*) AS N',
    `ROW_NUMBER() OVER (ORDER BY ${order}) - 1 AS NUM`,
    ...more,
  ];
  return {
    sql: `SELECT ${selected.join(', ')} FROM ${data.sql}${whereSql(where)} GROUP BY ${names.join(', ')}`,
    binds: [...data.binds, ...where.binds],
  };
}

function keysInForm(keys: readonly SourceColumn[], from: string, fingerprints = false): string {
  const texts = keys.map(({ type }, i) => unloadSql(type, `keys.K${i}`));
  return `SELECT keys.NUM, keys.N, ${fingerprints ? 'keys.F' : 'NULL'}, ${texts.join(', ')} FROM ${from} AS keys ORDER BY keys.NUM`;
}

/**
 * Makes DuckDB's table `partition_keys`: each key once, with its id, rows, and its number in Snowflake. `batches`: number, rows,
 * fingerprint, and the values in the form that they travel in.
 */
export async function listKeys(
  connection: DuckDBConnection,
  { keys, shape }: Pick<DescribedSource, 'keys' | 'shape'>,
  batches: AsyncIterable<readonly TextRow[]>,
): Promise<void> {
  await loadTexts(connection, 'key_texts', keys.length + 3, batches);
  const restored = keys.map(
    ({ name, type }, i) => `${restoreSql(type, `C${i + 3}`)} AS ${quoteIdentifier(name)}`,
  );
  const typed = keys.map(({ name }, i) => `${quoteIdentifier(name)} AS key_${i}`);
  await connection.run(
    `CREATE TEMP TABLE partition_keys AS
       SELECT ${idSql(shape.keyColumns)} AS id, __partwise_rows AS rows, ${typed.join(', ')},
              __partwise_number AS number, __partwise_fingerprint AS fingerprint
         FROM (SELECT C0::INTEGER AS __partwise_number, C1::BIGINT AS __partwise_rows, C2 AS __partwise_fingerprint,
                      ${restored.join(', ')} FROM key_texts)`,
  );
  const [twice] = await queryRows<{ id: string }>(
    connection,
    'SELECT id FROM partition_keys GROUP BY id HAVING count(*) > 1 LIMIT 1',
  );
  // enforces I6
  if (twice !== undefined) {
    throw new Refusal('InvalidInput', [
      `Different values of the key are written alike, as "${twice.id}": round or cast ${keys.map(({ name }) => `"${name}"`).join(', ')} in a query.`,
    ]);
  }
}

/** Makes DuckDB's table `partition_index` of `partition_keys`. */
async function numberPartitions(
  connection: DuckDBConnection,
  keys: readonly SourceColumn[],
  { fingerprints }: { fingerprints: boolean } = { fingerprints: false },
): Promise<void> {
  const columns = ['id', 'rows', ...keys.map((_, i) => `key_${i}`), ...(fingerprints ? ['fingerprint'] : [])];
  await connection.run(
    `CREATE TEMP TABLE partition_index AS SELECT (row_number() OVER (ORDER BY number) - 1)::INTEGER AS ord, ${columns.join(', ')} FROM partition_keys`,
  );
}

async function listNumbers(connection: DuckDBConnection): Promise<number[]> {
  const listed = await connection.runAndReadAll('SELECT number FROM partition_keys ORDER BY number');
  return (listed.getColumns()[0] ?? []) as number[];
}

/** `numbers`: those of the partitions that are taken, in order; null: all. */
function pinnedSelect(
  { columns, keys }: DescribedSource,
  { data, where }: Held,
  numbers: readonly number[] | null,
  ranges: readonly { from: number; to: number }[],
): PinnedSelect {
  const ordinals =
    numbers === null
      ? `SELECT keys.*, keys.NUM AS ORD FROM ${KEYS} AS keys`
      : `SELECT keys.*, taken.INDEX AS ORD FROM ${KEYS} AS keys JOIN TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS taken ON taken.VALUE::NUMBER = keys.NUM`;
  const taken = numbers === null ? [] : [JSON.stringify(numbers)];
  const units =
    'SELECT numbered.*, ranges.INDEX AS PARTWISE_UNIT ' +
    `FROM (${ordinals}) AS numbered JOIN TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS ranges ` +
    'ON numbered.ORD BETWEEN ranges.VALUE[0]::NUMBER AND ranges.VALUE[1]::NUMBER';
  // A join on equal hashes is one that Snowflake hashes; the comparison that NULL passes too is made on top of it.
  const own = keys.map(nameInData);
  const match = [
    `HASH(${own.join(', ')}) = HASH(${keys.map((_, i) => `units.K${i}`).join(', ')})`,
    ...own.map((name, i) => `EQUAL_NULL(${name}, units.K${i})`),
  ].join(' AND ');
  return {
    columns,
    select: (more) => ({
      sql: `SELECT ${[...formsOf(columns), 'units.ORD AS PARTWISE_ORD', ...(more === undefined ? [] : [more])].join(', ')} FROM ${data.sql} JOIN (${units}) AS units ON ${match}${whereSql(where)}`,
      binds: [
        ...data.binds,
        ...taken,
        JSON.stringify(ranges.map(({ from, to }) => [from, to])),
        ...where.binds,
      ],
    }),
  };
}

async function putRows(
  { session, connection, account, options }: Planning,
  { scratch }: SnapshotRequest,
  pinned: PinnedSelect,
  rows: readonly number[],
  place: RangedPlace,
): Promise<Snapshot['files']> {
  if (isOn(account, place.stage)) {
    try {
      return await unload(session, pinned, rows, { ...place, stage: place.stage }, options);
    } catch (error) {
      // The role may read, and not unload.
      if (!isForbidden(error)) throw error;
    }
  }
  return readThrough(session, connection, pinned, rows, place, { ...options, scratch });
}

function isOn(account: string, stage: Stage): stage is SnowflakeStage {
  return stage instanceof SnowflakeStage && stage.location.connection === account;
}

function nameInData({ inSnowflake }: Pick<SourceColumn, 'inSnowflake'>): string {
  return `data.${quoteName(inSnowflake)}`;
}
