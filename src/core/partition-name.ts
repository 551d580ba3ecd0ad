/** Partitions as people type and read them; programs use ids. */
import { decodePartitionId, encodePartitionId, isPartitionId } from './partition-id';

/** Characters that could not be seen or typed: a name with one of them is written as an id. */
const INVISIBLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/**
 * A valid partition id is returned unchanged; other text (`San Marcos`) is taken as the values of the key.
 * `keyColumns` is the number of key columns, if known.
 */
export function toPartitionId(text: string, keyColumns?: number): string {
  if (isPartitionId(text) && (keyColumns !== 1 || !text.includes('/'))) return text;
  return keyColumns === 1 ? encodePartitionId([text]) : encodePartitionId(text.split('/'));
}

/**
 * The partition as users would type it (`San Marcos`, `East/14`), or its id where that text would mean
 * another partition (NULL, `a/b`). Text that is not an id, such as the label of a lost unit, is unchanged.
 */
export function partitionName(id: string): string {
  if (!isPartitionId(id)) return id;
  const values = decodePartitionId(id);
  // An empty value would be invisible.
  const text = values.includes(null) || values.includes('') ? id : values.join('/');
  return !INVISIBLE.test(text) && toPartitionId(text) === id ? text : id;
}

/** The label of a unit with names for ids: `San%20Marcos … Waco` is `San Marcos … Waco`. */
export function labelOfNames(label: string): string {
  // Ids contain none of these characters, and other words of a label are their own names.
  return label.replaceAll(/[^\s,…]+/g, (word) => partitionName(word));
}
