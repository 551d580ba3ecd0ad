import { open } from 'node:fs/promises';

/** Those of the bytes that the file has. */
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
