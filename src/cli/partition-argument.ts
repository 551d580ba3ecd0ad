/** Partitions as people type them. */
import { encodePartitionId, isPartitionId } from '../run/partition-id';

/**
 * A partition id stays as it is; what cannot be one (`San Marcos`) is taken for the values of the key. `keyColumns`: their number,
 * where it is known.
 */
export function toPartitionId(text: string, keyColumns?: number): string {
  if (isPartitionId(text) && (keyColumns !== 1 || !text.includes('/'))) return text;
  return keyColumns === 1 ? encodePartitionId([text]) : encodePartitionId(text.split('/'));
}
