/** The person's cache of Temporal binaries, shared by all projects. */
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { digestFile } from '../../files/digest';
import { lockFolder } from '../lock';
import { readJson, writeJson } from '../state-folder';
import type { TemporalBinary } from './temporal-binary';

/** Puts a binary somewhere below `folder` and returns its path. */
export type FetchBinary = (options: {
  folder: string;
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal;
}) => Promise<string>;

interface FetchOptions {
  env: NodeJS.ProcessEnv;
  origin: TemporalBinary['origin'];
  fetch: FetchBinary;
  versionOf: (path: string) => Promise<string>;
  signal?: AbortSignal;
}

/** Content of `origin.json` beside a binary. */
interface CacheRecord {
  origin: TemporalBinary['origin'];
  /** In hexadecimal. Absent: it was fetched by an earlier release. */
  sha256?: string;
}

const BINARY = process.platform === 'win32' ? 'temporal.exe' : 'temporal';
const WORK = '.fetch-';

function cacheFolder(env: NodeJS.ProcessEnv): string {
  return env['PARTWISE_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'partwise');
}

/** Null when the cache holds none that runs. */
export async function cachedBinary(
  env: NodeJS.ProcessEnv,
  versionOf: (path: string) => Promise<string>,
): Promise<TemporalBinary | null> {
  const folder = join(cacheFolder(env), 'temporal');
  const known = readJson<CacheRecord>(join(folder, 'origin.json'));
  if (known === null) return null;
  const path = join(folder, BINARY);
  // Not what was fetched: cut off, or changed since. It is not even asked for its version.
  const found = known.sha256 === undefined ? null : await digestFile(path).catch(() => null);
  if (known.sha256 !== found?.sha256) return null;
  const version = await versionOf(path).catch(() => null);
  return version === null ? null : { path, version, origin: known.origin };
}

/** Commands that find the cache empty at once wait for the first one's download. */
export async function fetchIntoCache(options: FetchOptions): Promise<TemporalBinary> {
  const { env, origin, fetch, versionOf, signal } = options;
  const cache = cacheFolder(env);
  await mkdir(cache, { recursive: true });
  const release = await lockFolder(cache, join(cache, 'fetch.lock'), signal);
  try {
    const already = await cachedBinary(env, versionOf);
    if (already !== null) return already;
    await removeAbandoned(cache);
    const work = await mkdtemp(join(cache, WORK));
    try {
      const fetched = await fetch({ folder: work, env, signal });
      await chmod(fetched, 0o755);
      const version = await versionOf(fetched);
      const ready = join(work, 'ready');
      await mkdir(ready);
      await rename(fetched, join(ready, BINARY));
      const { sha256 } = await digestFile(join(ready, BINARY));
      writeJson(join(ready, 'origin.json'), { origin, sha256 } satisfies CacheRecord);
      // Whatever is there does not run, or it would have been used.
      await rm(join(cache, 'temporal'), { recursive: true, force: true });
      await rename(ready, join(cache, 'temporal'));
      return { path: join(cache, 'temporal', BINARY), version, origin };
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  } finally {
    await release();
  }
}

/** Half downloads of commands that were killed: whoever holds the lock is the only one at work. */
async function removeAbandoned(cache: string): Promise<void> {
  const abandoned = (await readdir(cache)).filter((name) => name.startsWith(WORK));
  await Promise.all(abandoned.map((name) => rm(join(cache, name), { recursive: true, force: true })));
}
