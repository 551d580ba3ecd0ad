import { quoteName } from '../../snowflake/names';
import type { SourceColumn } from './source';

/**
 * The fingerprint of a group of rows of `data`, as an SQL aggregate: a string that is equal if the rows are,
 * regardless of their order. HASH_AGG has 64 bits and takes duplicate rows into account; two of them over
 * different inputs make an accidental match practically impossible.
 */
export function fingerprintSql(columns: readonly SourceColumn[]): string {
  const names = columns.map(({ inSnowflake }) => `data.${quoteName(inSnowflake)}`).join(', ');
  return `'v1:snowflake:' || COUNT(*) || ':' || HASH_AGG(${names}) || ':' || HASH_AGG('partwise', ${names})`;
}
