/** The user's cache of Temporal binaries, shared by all projects. */
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { digestFile } from '../../files/digest';
import { userCache } from '../../files/user-cache';
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
  /** Of the binary that was last found to have this digest: reading 150 MB and starting it take time. */
  checked?: { state: string; version: string };
}

const BINARY = process.platform === 'win32' ? 'temporal.exe' : 'temporal';
const WORK = '.fetch-';

/** Null if the cache does not contain a working binary. */
export async function cachedBinary(
  env: NodeJS.ProcessEnv,
  versionOf: (path: string) => Promise<string>,
): Promise<TemporalBinary | null> {
  const folder = join(userCache(env), 'temporal');
  const record = join(folder, 'origin.json');
  const known = readJson<CacheRecord>(record);
  if (known === null) return null;
  const path = join(folder, BINARY);
  const { origin, sha256, checked } = known;
  const state = await stateOf(path).catch(() => null);
  if (state !== null && checked?.state === state) return { path, version: checked.version, origin };
  // Not the downloaded file: truncated, or changed since. Do not even run it for its version.
  const found = sha256 === undefined ? null : await digestFile(path).catch(() => null);
  if (sha256 !== found?.sha256) return null;
  const version = await versionOf(path).catch(() => null);
  if (version === null) return null;
  if (state !== null && sha256 !== undefined)
    remember(record, { origin, sha256, checked: { state, version } });
  return { path, version, origin };
}

function remember(path: string, record: CacheRecord): void {
  try {
    writeJson(path, record);
  } catch {
    // The cache may be read-only, or another command replaces it: the next one checks the binary again.
  }
}

/** Differs after anything was written to the file, or it was replaced. */
async function stateOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

/** Concurrent commands that find the cache empty wait for the download of the first one. */
export async function fetchIntoCache(options: FetchOptions): Promise<TemporalBinary> {
  const { env, origin, fetch, versionOf, signal } = options;
  const cache = userCache(env);
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
