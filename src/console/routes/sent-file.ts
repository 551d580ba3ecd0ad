import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Context } from 'hono';

/**
 * Sends a file that `write` puts into a temporary folder and returns the path of. It is never in memory as a
 * whole, and is gone when this resolves: an open file outlives its name.
 */
export async function sentFile(
  context: Context,
  write: (folder: string) => Promise<string>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const folder = await mkdtemp(join(tmpdir(), 'partwise-console-'));
  try {
    const file = await open(await write(folder));
    const { size } = await file.stat();
    const content = Readable.toWeb(file.createReadStream()) as ReadableStream;
    return context.body(content, 200, {
      ...headers,
      'content-type': 'application/octet-stream',
      'content-length': String(size),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
