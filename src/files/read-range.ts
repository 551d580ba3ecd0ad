import { open } from 'node:fs/promises';

/** Reads a range of a file; the result is shorter if the file ends before. */
export async function readRange(path: string, range: { offset: number; bytes: number }): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(range.bytes);
    const { bytesRead } = await file.read(buffer, 0, range.bytes, range.offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
