/**
 * Maps Snowflake's types to those of a snapshot. Unloading to Parquet refuses some types and widens others,
 * and the driver returns text. So values are selected in a form that is lossless either way (`unloadSql`),
 * and get their type back when they are read (`restoreSql`). Both depend only on the type in the snapshot.
 */
import type { ResultColumn } from '../../snowflake';

/** A 64-bit integer can hold every number with this many digits. */
const DIGITS_OF_BIGINT = 18;
const TIMESTAMP_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF9';

/** The type in the snapshot, or null if there is none. */
export function typeInSnapshot({
  type,
  precision,
  scale,
}: Pick<ResultColumn, 'type' | 'precision' | 'scale'>): string | null {
  switch (type) {
    case 'fixed': {
      const digits = precision ?? 38;
      return scale === 0 && digits <= DIGITS_OF_BIGINT ? 'BIGINT' : `DECIMAL(${digits},${scale ?? 0})`;
    }
    case 'real':
      return 'DOUBLE';
    case 'text':
      return 'VARCHAR';
    case 'boolean':
      return 'BOOLEAN';
    case 'date':
      return 'DATE';
    case 'time':
      return 'TIME';
    case 'timestamp_ntz':
      return 'TIMESTAMP';
    // Only the point in time is kept, not the time zone.
    case 'timestamp_ltz':
    case 'timestamp_tz':
      return 'TIMESTAMP WITH TIME ZONE';
    case 'binary':
      return 'BLOB';
    case 'variant':
    case 'object':
    case 'array':
    case 'map':
      return 'JSON';
    default:
      return null;
  }
}

/** Snowflake's SQL that converts a value of this type in the snapshot to its transfer form. */
export function unloadSql(type: string, value: string): string {
  switch (type) {
    case 'DATE':
      return `TO_CHAR(${value}, 'YYYY-MM-DD')`;
    case 'TIME':
      return `TO_CHAR(${value}, 'HH24:MI:SS.FF9')`;
    case 'TIMESTAMP':
      return `TO_CHAR(${value}, '${TIMESTAMP_FORMAT}')`;
    case 'TIMESTAMP WITH TIME ZONE':
      return `TO_CHAR(CONVERT_TIMEZONE('UTC', ${value}), '${TIMESTAMP_FORMAT}')`;
    case 'BLOB':
      return `HEX_ENCODE(${value})`;
    case 'JSON':
      return `TO_JSON(${value})`;
    default:
      return value;
  }
}

/** DuckDB's SQL that converts the transfer form to the value. Times are truncated to microseconds. */
export function restoreSql(type: string, form: string): string {
  switch (type) {
    case 'TIMESTAMP WITH TIME ZONE':
      return `CAST(${form} || '+00' AS TIMESTAMP WITH TIME ZONE)`;
    case 'BLOB':
      return `unhex(${form})`;
    default:
      return `CAST(${form} AS ${type})`;
  }
}

/** Whether values of this type may be partition keys: equal values have the same text. */
export function isKeyType(type: string): boolean {
  return type !== 'JSON' && type !== 'BLOB';
}
