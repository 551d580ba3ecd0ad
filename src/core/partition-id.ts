/**
 * Partition ids: the canonical, reversible text of a partition key (I6).
 *
 * Each column's value as text, percent-encoded like `encodeURIComponent`, joined by `/`; NULL is `%-` and the
 * empty string `%_`, which no encoded value can be. Types come from the plan, so `1` and `'1'` never occur in
 * the same column.
 */

const NULL = '%-';
const EMPTY = '%_';

/** `['North', null]` → `North/%-`. */
export function encodePartitionId(values: readonly (string | null)[]): string {
  // enforces I6
  return values
    .map((value) => (value === null ? NULL : value === '' ? EMPTY : encodeURIComponent(value)))
    .join('/');
}

/** The inverse of `encodePartitionId`; throws a `URIError` if the text is not percent-encoded. */
export function decodePartitionId(id: string): (string | null)[] {
  return id.split('/').map((part) => {
    if (part === NULL) return null;
    if (part === EMPTY) return '';
    return decodeURIComponent(part);
  });
}

/** Whether the string is an id exactly as `encodePartitionId` writes it. */
export function isPartitionId(text: string): boolean {
  try {
    return encodePartitionId(decodePartitionId(text)) === text;
  } catch {
    return false;
  }
}
