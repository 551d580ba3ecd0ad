/**
 * Folder names for downloads: readable, inside the target folder, and distinct per partition on any file
 * system (I6).
 */
import { decodePartitionId } from '../core/partition-id';
import { folderName } from '../files/folder-name';

/**
 * Maps each partition id to a relative path with one folder per key column. The same id always gets the same
 * path.
 */
export function partitionFolders(): (id: string) => string {
  const taken = new Map<string, string>();
  return (id) => {
    const path = decodePartitionId(id).map(folderOf).join('/');
    // enforces I6: on a case-insensitive file system, `UPPER` must not write into the folder of `upper`.
    for (let n = 1; ; n++) {
      const candidate = n === 1 ? path : `${path}~${n}`;
      const owner = taken.get(candidate.toLowerCase()) ?? id;
      if (owner !== id) continue;
      taken.set(candidate.toLowerCase(), id);
      return candidate;
    }
  };
}

function folderOf(value: string | null): string {
  if (value === null) return '%-';
  return value === '' ? '%_' : folderName(value);
}
