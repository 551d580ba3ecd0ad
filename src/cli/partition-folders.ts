/**
 * Folders for what is downloaded: readable, inside the target, and one per partition on any file system (I6).
 */
import { decodePartitionId } from '../core/partition-id';
import { folderName } from '../files/folder-name';

/** Gives each partition id a relative path, a folder per key column; asked for the same id, the same path. */
export function partitionFolders(): (id: string) => string {
  const taken = new Map<string, string>();
  return (id) => {
    const path = decodePartitionId(id).map(folderOf).join('/');
    // enforces I6: where upper and lower case are one, `UPPER` must not write into the folder of `upper`.
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
