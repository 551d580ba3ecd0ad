/** Partitions as people type and read them. */
import { decodePartitionId, encodePartitionId, isPartitionId } from '../core/partition-id';
import { clean } from './render/text';

/**
 * A partition id stays as it is; what cannot be one (`San Marcos`) is taken for the values of the key.
 * `keyColumns`: their number, where it is known.
 */
export function toPartitionId(text: string, keyColumns?: number): string {
  if (isPartitionId(text) && (keyColumns !== 1 || !text.includes('/'))) return text;
  return keyColumns === 1 ? encodePartitionId([text]) : encodePartitionId(text.split('/'));
}

/**
 * `San Marcos`, `East/14`: what people would type; the id itself where that would mean another partition
 * (NULL, `a/b`).
 */
export function partitionName(id: string): string {
  const values = decodePartitionId(id);
  // An empty value would not be seen.
  const text = values.includes(null) || values.includes('') ? id : values.join('/');
  return clean(text) === text && toPartitionId(text) === id ? text : clean(id);
}
