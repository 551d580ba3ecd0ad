import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** Files up to this size are read in one go. */
const SMALL_BYTES = 1024 * 1024;

interface Digest {
  bytes: number;
  /** Hex. */
  sha256: string;
}

/** The digest in hex. */
export function sha256Of(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

export function digest(content: Uint8Array): Digest {
  return { bytes: content.length, sha256: sha256Of(content) };
}

/** The digest of a local file, which is read once. */
export async function digestFile(path: string): Promise<Digest> {
  if ((await stat(path)).size <= SMALL_BYTES) return digest(await readFile(path));
  const hash = createHash('sha256');
  let bytes = 0;
  await pipeline(
    createReadStream(path, { highWaterMark: SMALL_BYTES }),
    async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        bytes += chunk.length;
        hash.update(chunk);
      }
    },
  );
  return { bytes, sha256: hash.digest('hex') };
}
