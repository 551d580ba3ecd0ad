/**
 * Snowflake's types and those of a snapshot. Unloads to Parquet refuse some types and loosen others, and what
 * the driver reads is text: so values are selected in a form that either way keeps whole (`unloadSql`), and
 * get their type back where they are read (`restoreSql`). The type in the snapshot alone tells how.
 */
import type { ResultColumn } from '../../snowflake';

/** A 64-bit integer holds every number of so many digits. */
const DIGITS_OF_BIGINT = 18;
const TIMESTAMP_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF9';

/** The type in the snapshot; null: there is none for it. */
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
    // The moment; what the clock showed somewhere is not kept.
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

/** Snowflake's SQL for a value of this type in the snapshot, in the form that it travels in. */
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

/** DuckDB's SQL for the value itself. Times are cut at the microsecond. */
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

/** Whether values of this type may be a partition key: equal ones are written alike. */
export function isKeyType(type: string): boolean {
  return type !== 'JSON' && type !== 'BLOB';
}
