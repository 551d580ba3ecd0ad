import {
  DuckDBArrayType,
  type DuckDBConnection,
  DuckDBListType,
  DuckDBMapType,
  DuckDBStructType,
  type DuckDBType,
} from '@duckdb/node-api';
import { describeColumns } from './describe-columns';
import { identifier } from './quote';

/** A type as DuckDB writes it: `decimal(9, 2)` → `DECIMAL(9,2)`; null if there is no such type. */
export async function canonicalType(connection: DuckDBConnection, given: string): Promise<string | null> {
  // It is pasted into SQL: without quotes and semicolons, it can name no file and begin no statement.
  if (!/^[\w ,()"[\]]+$/.test(given)) return null;
  const described = await describeColumns(connection, `(SELECT CAST(NULL AS ${given}) AS value)`).catch(
    () => [],
  );
  return described.length === 1 ? described[0]!.type : null;
}

/** The name of a result's type. The driver's text has the names of aliases such as JSON only outermost. */
export function typeName(type: DuckDBType): string {
  if (type.alias !== undefined) return type.alias;
  if (type instanceof DuckDBListType) return `${typeName(type.valueType)}[]`;
  if (type instanceof DuckDBArrayType) return `${typeName(type.valueType)}[${type.length}]`;
  if (type instanceof DuckDBMapType) return `MAP(${typeName(type.keyType)}, ${typeName(type.valueType)})`;
  if (!(type instanceof DuckDBStructType)) return String(type);
  const fields = type.entryNames.map((name, i) => `${identifier(name)} ${typeName(type.entryTypes[i]!)}`);
  return `STRUCT(${fields.join(', ')})`;
}
