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
import type { Column } from '../core/plan';
import { type Cell, type CellType, exactType, type ValueType } from './cells';
import { identifier, literal } from '../duckdb/quote';
import { mapPlain, parseType, typeText } from '../duckdb/sql-type';
import { COLUMNS_METADATA, storedSql, storedTypes, TYPES_METADATA } from './storable';

/** Rows of a DuckDB vector. */
const CHUNK = 2048;

/** Temporary table `(ord, key_0, …)` of the unit's partitions, on the connection that writes. */
export const KEYS_TABLE = '__partwise_keys';
export interface KeyedCopy {
  /** The FROM clause. */
  rows: string;
  ord: string;
  row: string;
  /** The output's columns. A type is null if Parquet holds its values as they are. */
  selected: { name: string; value: string; type: string | null }[];
  keyColumns: readonly Column[];
  /** Names of the output's columns in order, including those that are not selected. */
  columns: string[];
  file: string;
}

/** Copies rows to Parquet: `__partwise_ord`, `__partwise_row`, the key columns, then the output's. */
export async function copyWithKeys(connection: DuckDBConnection, copy: KeyedCopy): Promise<void> {
  const keys = copy.keyColumns.map(({ name, type }, i) => ({ name, value: `keys.key_${i}`, type }));
  const columns = [...keys, ...copy.selected];
  const select = [
    `${copy.ord} AS __partwise_ord`,
    `${copy.row} AS __partwise_row`,
    ...columns.map(
      ({ name, value, type }) => `${type === null ? value : storedSql(value, type)} AS ${identifier(name)}`,
    ),
  ].join(', ');
  const names = JSON.stringify([...copy.keyColumns.map(({ name }) => name), ...copy.columns]);
  await connection.run(
    `COPY (SELECT ${select} FROM ${copy.rows} JOIN ${KEYS_TABLE} AS keys ON keys.ord = ${copy.ord} ` +
      `ORDER BY __partwise_ord, __partwise_row) TO ${literal(copy.file)} ` +
      `(FORMAT parquet, KV_METADATA {${COLUMNS_METADATA}: ${literal(names)}, ${TYPES_METADATA}: ${literal(storedTypes(columns))}})`,
  );
}

const TYPES: Record<ValueType, DuckDBType> = {
  BOOLEAN,
  BIGINT,
  'DECIMAL(38,0)': DECIMAL(38, 0),
  DOUBLE,
  VARCHAR,
  TIMESTAMP,
  BLOB,
  JSON: VARCHAR,
};

/** The type that a temporary table declares for cells of a type. */
export function declaredAs(type: CellType): string {
  return type === 'JSON' || exactType(type) !== null ? 'VARCHAR' : type;
}

/** The SQL expression that writes a column of that table. */
export function writtenAs(column: string, type: CellType): string {
  if (type === 'JSON') return `${column}::JSON`;
  const exact = exactType(type);
  return exact === null ? column : castSql(column, exact);
}

/** Casts text to a type. DuckDB reads text of JSON inside other values as one JSON value. */
function castSql(text: string, type: string): string {
  const parsed = parseType(type);
  if (parsed.kind === 'plain') return `${text}::${type}`;
  const asText = typeText(mapPlain(parsed, (name) => (name === 'JSON' ? 'VARCHAR' : name)));
  return `${text}::${asText}::${type}`;
}

/** Fills a temporary table with the columns `ord INTEGER, row BIGINT` and then the given ones, in order. */
export async function appendColumns(
  connection: DuckDBConnection,
  table: string,
  { ordinals, positions }: { ordinals: readonly number[]; positions: readonly number[] },
  typed: readonly { type: CellType; values: readonly Cell[] }[],
): Promise<void> {
  const appender = await connection.createAppender(table, 'main', 'temp');
  const types = [
    INTEGER,
    BIGINT,
    ...typed.map(({ type }) => (exactType(type) === null ? TYPES[type as ValueType] : VARCHAR)),
  ];
  for (let from = 0; from < ordinals.length; from += CHUNK) {
    const to = Math.min(from + CHUNK, ordinals.length);
    const chunk = DuckDBDataChunk.create(types);
    chunk.setColumns([
      ordinals.slice(from, to),
      positions.slice(from, to).map(BigInt),
      ...typed.map(({ type, values }) => values.slice(from, to).map((cell) => toDuckDB(cell, type))),
    ]);
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

function toDuckDB(cell: Cell, type: CellType): DuckDBValue {
  if (cell === null) return null;
  switch (type) {
    case 'BIGINT':
      return BigInt(cell as number | bigint);
    case 'DECIMAL(38,0)':
      return new DuckDBDecimalValue(BigInt(cell as number | bigint), 38, 0);
    case 'DOUBLE':
      return Number(cell);
    case 'TIMESTAMP':
      return new DuckDBTimestampValue(typeof cell === 'bigint' ? cell : BigInt(cell as number) * 1000n);
    case 'BLOB':
      return new DuckDBBlobValue(cell as Uint8Array);
    default:
      return cell as boolean | string;
  }
}
