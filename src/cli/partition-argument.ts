/** Partitions as users type and read them. */
import { decodePartitionId, encodePartitionId, isPartitionId } from '../core/partition-id';
import { clean } from './render/text';

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
 * another partition (NULL, `a/b`).
 */
export function partitionName(id: string): string {
  const values = decodePartitionId(id);
  // An empty value would be invisible.
  const text = values.includes(null) || values.includes('') ? id : values.join('/');
  return clean(text) === text && toPartitionId(text) === id ? text : clean(id);
}
