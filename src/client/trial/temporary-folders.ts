/** Folders for work of which nothing is to stay: a try, a debugging session. */
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TemporaryFolders {
  scratch: string;
  /** Inside the project, since bundled functions find their packages from where they lie. */
  bundles: string;
}

/** Makes the folders, and removes them with everything in them, whatever happens. */
export async function withTemporaryFolders<T>(
  projectDir: string,
  use: (folders: TemporaryFolders) => Promise<T>,
): Promise<T> {
  const state = join(projectDir, '.partwise');
  const scratch = await mkdtemp(join(tmpdir(), 'partwise-'));
  let bundles: string | null = null;
  try {
    await mkdir(state, { recursive: true });
    bundles = await mkdtemp(join(state, 'trial-'));
    return await use({ scratch, bundles });
  } finally {
    await rm(scratch, { recursive: true, force: true });
    if (bundles !== null) await rm(bundles, { recursive: true, force: true });
    // Only if it is empty: it was not there before.
    await rmdir(state).catch(() => {});
  }
}
