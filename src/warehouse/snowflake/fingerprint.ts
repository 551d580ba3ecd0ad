import { quoteName } from '../../snowflake/names';
import type { SourceColumn } from './source';

/**
 * The fingerprint of a group of rows of `data`, as an aggregate in SQL: a text that is equal when the rows
 * are, in whatever order they came. HASH_AGG is of 64 bits and sees a row that is there twice; two that share
 * nothing but the function make a chance match as good as impossible.
 */
export function fingerprintSql(columns: readonly SourceColumn[]): string {
  const names = columns.map(({ inSnowflake }) => `data.${quoteName(inSnowflake)}`).join(', ');
  return `'v1:snowflake:' || COUNT(*) || ':' || HASH_AGG(${names}) || ':' || HASH_AGG('partwise', ${names})`;
}
