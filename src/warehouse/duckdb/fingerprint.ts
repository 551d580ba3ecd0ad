/**
 * Fingerprints of partitions: texts that are equal when the rows are, in whatever order they came.
 *
 * A row is hashed twice: its typed values as they are, and their texts by length and content, so that NULL,
 * '' and 'NULL' differ. Sums of such hashes see a row that is there twice, which an XOR would not; two that
 * share nothing but the function make a chance match as good as impossible. DuckDB may change its hash
 * between versions, so its version is in the text.
 */
import type { Column } from '../../core/plan';
import type { PinnedFile } from '../../core/unit-plan';
import { quoteIdentifier } from '../../duckdb/database-file';

/** The fingerprint of a group of rows, as an aggregate in SQL. */
export function fingerprintSql(columns: readonly Column[]): string {
  const names = columns.map(({ name }) => quoteIdentifier(name));
  const texts = names.map((name) => {
    const text = `CAST(${name} AS VARCHAR)`;
    return `coalesce(length(${text}), -1), ':', ${text}`;
  });
  // Sums of 64-bit numbers in 128 bits: no number of rows is too large.
  return `concat('v1:duckdb-', version(), ':', count(*), ':', sum(hash(${names.join(', ')})), ':', sum(hash(concat(${texts.join(', ')}))))`;
}

/** Of a partition that is a file. */
export function fileFingerprint({ sha256 }: PinnedFile): string {
  return `v1:file:${sha256}`;
}
