/** Caches digests of local files for as long as a file does not change. */
import { stat } from 'node:fs/promises';
import { digestFile } from '../../files/digest';

const MAX_KNOWN = 10_000;

/** By path and the file's metadata. Promises, because several units may ask for one file at the same time. */
const known = new Map<string, Promise<string>>();

/** The file's size, and a function that returns its sha256 in hex. */
export async function inspect(path: string): Promise<{ bytes: number; sha256(): Promise<string> }> {
  const { key, bytes } = await versionOf(path);
  return {
    bytes,
    sha256() {
      const digest = known.get(key) ?? digestFile(path).then((found) => found.sha256);
      remember(key, digest);
      digest.catch(() => known.delete(key));
      return digest;
    },
  };
}

/**
 * Records the digest of a file that this process has just written. If `stat` fails, the file is read when
 * needed.
 */
export async function recordWritten(path: string, sha256: string): Promise<void> {
  const version = await versionOf(path).catch(() => null);
  if (version !== null) remember(version.key, Promise.resolve(sha256));
}

/** Any write changes the times, and `ctime` cannot be set back. */
async function versionOf(path: string): Promise<{ key: string; bytes: number }> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return { key: `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs} ${path}`, bytes: Number(size) };
}

function remember(key: string, digest: Promise<string>): void {
  known.delete(key);
  known.set(key, digest);
  if (known.size > MAX_KNOWN) known.delete(known.keys().next().value!);
}
