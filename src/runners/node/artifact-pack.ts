/**
 * Concatenates a batch's small artifacts in one file: a file for each would cost more than the functions.
 */
import { writeFile } from 'node:fs/promises';
import type { ArtifactCodec } from '../../core/files';
import type { PackedArtifact } from '../../core/outcome';
import { sha256Of } from '../../files/digest';
import type { UntilRoom } from '../../files/full-disk';

/** Larger artifacts get their own files. */
export const MAX_PACKED_BYTES = 64 * 1024;

export class ArtifactPack {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(name: string, codec: ArtifactCodec, content: Uint8Array): PackedArtifact {
    const sha256 = sha256Of(content);
    const packed: PackedArtifact = [name, codec, this.#bytes, content.length, sha256];
    this.#parts.push(content);
    this.#bytes += content.length;
    return packed;
  }

  /** Writes the added artifacts and clears them. */
  async write(file: string, untilRoom: UntilRoom): Promise<void> {
    const parts = this.#parts;
    this.#parts = [];
    this.#bytes = 0;
    await untilRoom(() => writeFile(file, parts));
  }
}
