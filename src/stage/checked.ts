/** Checks whether an object on a stage is the one that was recorded. */
import type { FileRef, StagedFile } from '../core/files';
import { sha256Of } from '../files/digest';
import { ObjectDamaged, type Stage } from './stage';

/** Client-side encryption (AES) pads the last block, and adds one if it is full. */
const BLOCK = 16;

/**
 * Whether an object of size `bytes` may be listed with the size `stored`: stages with encryption list the
 * encrypted size.
 */
export function isStoredSize(stored: number, bytes: number): boolean {
  return stored === bytes || stored === (Math.floor(bytes / BLOCK) + 1) * BLOCK;
}

/** Throws `ObjectDamaged` unless size and digest match the record. `uri` is the stage's. */
export async function assertRecorded(
  ref: StagedFile,
  uri: string,
  found: { bytes: number; sha256(): string | Promise<string> },
): Promise<void> {
  const isRecorded =
    ref.sha256 === null
      ? isStoredSize(found.bytes, ref.bytes)
      : found.bytes === ref.bytes && (await found.sha256()) === ref.sha256;
  // enforces I1, I2, I3: a file counts only if it is the one that history names.
  if (!isRecorded) throw new ObjectDamaged(ref, uri, found.bytes);
}

/** Implements `Stage.read` for any stage. */
export async function readRecorded(
  stage: Pick<Stage, 'uri' | 'get'>,
  ref: FileRef & { offset?: number },
): Promise<Uint8Array> {
  const { path, offset, bytes } = ref;
  const content = await stage.get(path, offset === undefined ? undefined : { offset, bytes });
  await assertRecorded(ref, stage.uri, { bytes: content.length, sha256: () => sha256Of(content) });
  return content;
}
