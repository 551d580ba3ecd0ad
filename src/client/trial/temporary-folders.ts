/** Temporary folders for a trial, which keeps nothing. */
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TemporaryFolders {
  scratch: string;
  /** Inside the project, because bundled functions resolve packages relative to their own location. */
  bundles: string;
}

/** Creates the folders, and always removes them with their content. */
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
    // Succeeds only if the folder is empty, which means it did not exist before.
    await rmdir(state).catch(() => {});
  }
}
