/** Digests of local files, each computed once in a process for as long as the file stays as it is. */
import { stat } from 'node:fs/promises';
import { digestFile } from '../../files/digest';

const MAX_KNOWN = 10_000;

/** By path and what the file system says of the file; several units ask for one file at the same moment. */
const known = new Map<string, Promise<string>>();

/** The file's size, and its sha256 in hex when it is asked for. */
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

/** A file that this process has just written itself. Without a look at it, it is read like any other. */
export async function noteWritten(path: string, sha256: string): Promise<void> {
  const version = await versionOf(path).catch(() => null);
  if (version !== null) remember(version.key, Promise.resolve(sha256));
}

/** Any write changes the times; nobody can set that of the last change back. */
async function versionOf(path: string): Promise<{ key: string; bytes: number }> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return { key: `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs} ${path}`, bytes: Number(size) };
}

function remember(key: string, digest: Promise<string>): void {
  known.delete(key);
  known.set(key, digest);
  if (known.size > MAX_KNOWN) known.delete(known.keys().next().value!);
}
