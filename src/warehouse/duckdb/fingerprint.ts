/**
 * Fingerprints of partitions: strings that are equal if the rows are, regardless of their order.
 *
 * A row is hashed twice: by its typed values, and by their text with its length, so that NULL, '' and 'NULL'
 * differ. Sums of hashes take duplicate rows into account, which an XOR would not; two sums over different
 * inputs make an accidental match practically impossible. DuckDB may change its hash function between
 * versions, so its version is included.
 */
import type { Column } from '../../core/plan';
import type { PinnedFile } from '../../core/unit-plan';
import { identifier } from '../../duckdb/quote';

/** The fingerprint of a group of rows, as an SQL aggregate. */
export function fingerprintSql(columns: readonly Column[]): string {
  const names = columns.map(({ name }) => identifier(name));
  const texts = names.map((name) => {
    const text = `CAST(${name} AS VARCHAR)`;
    return `coalesce(length(${text}), -1), ':', ${text}`;
  });
  // 128-bit sums of 64-bit numbers cannot overflow.
  return `concat('v1:duckdb-', version(), ':', count(*), ':', sum(hash(${names.join(', ')})), ':', sum(hash(concat(${texts.join(', ')}))))`;
}

/** The fingerprint of a partition that is a file. */
export function fileFingerprint({ sha256, version }: PinnedFile): string {
  return sha256 === null ? `v1:version:${version}` : `v1:file:${sha256}`;
}
