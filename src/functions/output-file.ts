/** Writes output rows as Parquet, with the partitions' key columns in their own types. */
import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DECIMAL,
  DOUBLE,
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBDecimalValue,
  DuckDBTimestampValue,
  type DuckDBType,
  type DuckDBValue,
  INTEGER,
  TIMESTAMP,
  VARCHAR,
} from '@duckdb/node-api';
import type { Column } from '../run/plan';
import { encodeJson } from './json';
import { identifier, literal } from './quote';
import { type CellType, joinColumns, type OutputColumns, type OutputRows } from './rows';

/** DuckDB's vectors hold this many rows. */
const CHUNK = 2048;

const PENDING = '__partwise_pending';
/** Temporary table with `ord, key_0, …` of the unit's partitions, on the connection that writes. */
export const KEYS_TABLE = '__partwise_keys';
/** Parquet metadata: all columns in order as a JSON array, those that were null in every row included. */
export const COLUMNS_METADATA = 'partwise_columns';

/** Rows of finished partitions until they are written. */
export class PendingRows {
  private columns: OutputColumns = new Map();
  private partitions: { ordinal: number; output: OutputRows }[] = [];
  rows = 0;

  /** False: the types do not go together with those before; write these first. */
  add(ordinal: number, output: OutputRows): boolean {
    const joined = joinColumns(this.columns, output.columns);
    if (joined === null && this.rows > 0) return false;
    this.columns = joined ?? output.columns;
    this.partitions.push({ ordinal, output });
    this.rows += output.rows.length;
    return true;
  }

  /** Writes everything to `file` and forgets it. */
  async write(connection: DuckDBConnection, keyColumns: readonly Column[], file: string): Promise<void> {
    const { columns, partitions } = this;
    this.columns = new Map();
    this.partitions = [];
    this.rows = 0;
    const typed = [...columns].filter((column): column is [string, CellType] => column[1] !== null);
    const declared = typed.map(([, type], i) => `, c${i} ${type === 'JSON' ? 'VARCHAR' : type}`).join('');
    await connection.run(`CREATE OR REPLACE TEMP TABLE ${PENDING} (ord INTEGER, row BIGINT${declared})`);
    await appendRows(connection, PENDING, typed, partitions);
    const selected = typed.map(
      ([name, type], i) => `pending.c${i}${type === 'JSON' ? '::JSON' : ''} AS ${identifier(name)}`,
    );
    await copyWithKeys(connection, {
      rows: `${PENDING} AS pending`,
      ord: 'pending.ord',
      row: 'pending.row',
      selected,
      keyColumns,
      columns: [...columns.keys()],
      file,
    });
    await connection.run(`DROP TABLE ${PENDING}`);
  }
}

export interface KeyedCopy {
  /** What stands after FROM. */
  rows: string;
  ord: string;
  row: string;
  /** The output's columns, as they stand after SELECT. */
  selected: string[];
  keyColumns: readonly Column[];
  /** Names of the output's columns in order, those not selected included. */
  columns: string[];
  file: string;
}

/** Copies rows to Parquet: `__partwise_ord`, `__partwise_row`, the key columns, then the output's. */
export async function copyWithKeys(connection: DuckDBConnection, copy: KeyedCopy): Promise<void> {
  const keys = copy.keyColumns.map(({ name }, i) => `keys.key_${i} AS ${identifier(name)}`);
  const select = [
    `${copy.ord} AS __partwise_ord`,
    `${copy.row} AS __partwise_row`,
    ...keys,
    ...copy.selected,
  ].join(', ');
  const names = JSON.stringify([...copy.keyColumns.map(({ name }) => name), ...copy.columns]);
  await connection.run(
    `COPY (SELECT ${select} FROM ${copy.rows} JOIN ${KEYS_TABLE} AS keys ON keys.ord = ${copy.ord} ` +
      `ORDER BY __partwise_ord, __partwise_row) TO ${literal(copy.file)} ` +
      `(FORMAT parquet, KV_METADATA {${COLUMNS_METADATA}: ${literal(names)}})`,
  );
}

const TYPES: Record<CellType, DuckDBType> = {
  BOOLEAN,
  BIGINT,
  'DECIMAL(38,0)': DECIMAL(38, 0),
  DOUBLE,
  VARCHAR,
  TIMESTAMP,
  BLOB,
  JSON: VARCHAR,
};

/** Fills a temporary table whose columns are `ord INTEGER, row BIGINT` and then those given, in order. */
export async function appendRows(
  connection: DuckDBConnection,
  table: string,
  typed: readonly (readonly [string, CellType])[],
  partitions: readonly { ordinal: number; output: OutputRows }[],
): Promise<void> {
  const appender = await connection.createAppender(table, 'main', 'temp');
  const types = [INTEGER, BIGINT, ...typed.map(([, type]) => TYPES[type])];
  let columns: DuckDBValue[][] = types.map(() => []);
  const flush = (): void => {
    if (columns[0]!.length === 0) return;
    const chunk = DuckDBDataChunk.create(types);
    chunk.setColumns(columns);
    appender.appendDataChunk(chunk);
    columns = types.map(() => []);
  };
  for (const { ordinal, output } of partitions) {
    for (const [i, row] of output.rows.entries()) {
      columns[0]!.push(ordinal);
      columns[1]!.push(BigInt(i));
      for (const [column, [name, type]] of typed.entries())
        columns[column + 2]!.push(toCell(row[name], type));
      if (columns[0]!.length === CHUNK) flush();
    }
  }
  flush();
  appender.closeSync();
}

function toCell(value: unknown, type: CellType): DuckDBValue {
  if (value === null || value === undefined) return null;
  switch (type) {
    case 'BIGINT':
      return BigInt(value as number | bigint);
    case 'DECIMAL(38,0)':
      return new DuckDBDecimalValue(BigInt(value as number | bigint), 38, 0);
    case 'DOUBLE':
      return Number(value);
    case 'TIMESTAMP':
      return new DuckDBTimestampValue(BigInt((value as Date).getTime()) * 1000n);
    case 'BLOB':
      return new DuckDBBlobValue(value as Uint8Array);
    case 'JSON':
      return encodeJson(value, 'The value');
    default:
      return value as boolean | string;
  }
}
