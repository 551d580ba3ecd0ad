/**
 * Folders of local stages whose own names are known to be on disk, so that each is forced there once in a
 * process.
 */
import { dirname } from 'node:path';
import { syncFolder } from '../../files/durable';

const MAX_KNOWN = 20_000;

const known = new Set<string>();

/** Forces to disk the names in `folder`, its own name, and those of the folders above it up to `root`. */
export async function keepNames(folder: string, root: string): Promise<void> {
  const fresh = upTo(root, folder).filter((each) => !known.has(each));
  // All at once: a journal takes them in one go.
  await Promise.all([...new Set([folder, ...fresh.map((each) => dirname(each))])].map(syncFolder));
  for (const each of fresh) known.add(each);
  for (const oldest of known) {
    if (known.size <= MAX_KNOWN) break;
    known.delete(oldest);
  }
}

/**
 * `folder` and those above it up to `first` were removed, or made once more: their names have to be forced to
 * disk again.
 */
export function forgetNames(folder: string, first: string): void {
  for (const each of upTo(first, folder)) known.delete(each);
}

function upTo(top: string, folder: string): string[] {
  return folder === top ? [folder] : [folder, ...upTo(top, dirname(folder))];
}
