/** The user's cache of Temporal binaries, shared by all projects. */
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { digestFile } from '../../files/digest';
import { lockFolder } from '../lock';
import { readJson, writeJson } from '../state-folder';
import type { TemporalBinary } from './types';

/** Downloads a binary to somewhere below `folder` and returns its path. */
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

/** Content of `origin.json` next to a binary. */
interface CacheRecord {
  origin: TemporalBinary['origin'];
  /** In hexadecimal. Absent if an earlier release downloaded the binary. */
  sha256?: string;
}

const BINARY = process.platform === 'win32' ? 'temporal.exe' : 'temporal';
const WORK = '.fetch-';

function cacheFolder(env: NodeJS.ProcessEnv): string {
  return env['PARTWISE_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'partwise');
}

/** Null if the cache does not contain a working binary. */
export async function cachedBinary(
  env: NodeJS.ProcessEnv,
  versionOf: (path: string) => Promise<string>,
): Promise<TemporalBinary | null> {
  const folder = join(cacheFolder(env), 'temporal');
  const known = readJson<CacheRecord>(join(folder, 'origin.json'));
  if (known === null) return null;
  const path = join(folder, BINARY);
  // Not the downloaded file: truncated, or changed since. Do not even run it for its version.
  const found = known.sha256 === undefined ? null : await digestFile(path).catch(() => null);
  if (known.sha256 !== found?.sha256) return null;
  const version = await versionOf(path).catch(() => null);
  return version === null ? null : { path, version, origin: known.origin };
}

/** Concurrent commands that find the cache empty wait for the download of the first one. */
export async function fetchIntoCache(options: FetchOptions): Promise<TemporalBinary> {
  const { env, origin, fetch, versionOf, signal } = options;
  const cache = cacheFolder(env);
  await mkdir(cache, { recursive: true });
  const release = await lockFolder(cache, join(cache, 'fetch.lock'), signal);
  try {
    const cached = await cachedBinary(env, versionOf);
    if (cached !== null) return cached;
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
      // An existing binary does not work, or it would have been used.
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

/** Removes partial downloads of killed commands. The lock ensures that no other download is running. */
async function removeAbandoned(cache: string): Promise<void> {
  const abandoned = (await readdir(cache)).filter((name) => name.startsWith(WORK));
  await Promise.all(abandoned.map((name) => rm(join(cache, name), { recursive: true, force: true })));
}
