/** Client-side encryption (AES) fills up the last block, and adds one when it is full. */
const BLOCK = 16;

/** Whether an object of `bytes` may be listed with the size `stored`: stages that encrypt list what they store. */
export function isStoredSize(stored: number, bytes: number): boolean {
  return stored === bytes || stored === (Math.floor(bytes / BLOCK) + 1) * BLOCK;
}
