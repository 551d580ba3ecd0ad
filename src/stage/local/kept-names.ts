/**
 * Remembers which folders of local stages have their names on disk, so that each is synced once per process.
 */
import { dirname } from 'node:path';
import { syncFolder } from '../../files/durable';

const MAX_KNOWN = 20_000;

const known = new Set<string>();

/** Forces to disk the names in `folder`, its own name, and those of the folders above it up to `root`. */
export async function syncNames(folder: string, root: string): Promise<void> {
  const fresh = upTo(root, folder).filter((each) => !known.has(each));
  // Together: the file system's journal commits them in one go.
  await Promise.all([...new Set([folder, ...fresh.map((each) => dirname(each))])].map(syncFolder));
  for (const each of fresh) known.add(each);
  for (const oldest of known) {
    if (known.size <= MAX_KNOWN) break;
    known.delete(oldest);
  }
}

/**
 * Forgets `folder` and the folders above it up to `first`, which were removed or created again: their names
 * must be forced to disk again.
 */
export function forgetNames(folder: string, first: string): void {
  for (const each of upTo(first, folder)) known.delete(each);
}

function upTo(top: string, folder: string): string[] {
  return folder === top ? [folder] : [folder, ...upTo(top, dirname(folder))];
}
