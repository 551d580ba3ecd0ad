/** Opens the bundle with a digest, to read the files that it was made from. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Of } from '../files/digest';
import type { BundleSources } from './language';
import { BUNDLE_ENDINGS, languageOfBundle } from './languages';

const MAX_BUNDLE_BYTES = 50_000_000;

/**
 * Null if the folder has no readable bundle with that digest, or one above 50 MB. The digest may be any text:
 * histories name it, which anybody can write.
 */
export async function bundleSources(folder: string, digest: string): Promise<BundleSources | null> {
  if (!/^[0-9a-f]{64}$/.test(digest)) return null;
  for (const ending of BUNDLE_ENDINGS) {
    const path = join(folder, `${digest}${ending}`);
    const content = await contentOf(path);
    if (content === null || sha256Of(content) !== digest) continue;
    try {
      return languageOfBundle(path)!.sourcesOf({ path, content });
    } catch {
      // The function `sql` has the digest of its query, and nothing is a bundle for having its name.
      return null;
    }
  }
  return null;
}

async function contentOf(path: string): Promise<Uint8Array | null> {
  try {
    const found = await stat(path);
    return found.isFile() && found.size <= MAX_BUNDLE_BYTES ? await readFile(path) : null;
  } catch {
    return null;
  }
}
