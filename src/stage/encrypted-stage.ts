/** A stage whose objects are encrypted before they leave this process. Names and sizes are not. */
import { open, rm, type FileHandle } from 'node:fs/promises';
import type { FileRef, StagedFile } from '../core/files';
import { digest, digestFile } from '../files/digest';
import { KeyUnavailable, type PayloadKeys } from '../trust/payload-keys';
import { allOf } from '../core/all-of';
import { readRecorded } from './checked';
import { LocalCopies } from './local-copies';
import { ObjectDamaged, ObjectExists, type Stage } from './stage';
import { asUnavailable } from './unavailable';
import {
  contentBytes,
  FRAME_BYTES,
  HEADER_BYTES,
  headerFrom,
  headerToBytes,
  isOfKey,
  newHeader,
  ObjectCipher,
  STORED_FRAME_BYTES,
} from './object-cipher';

/** Frames that are read from the stage at a time, to make a local copy. */
const FRAMES_AT_A_TIME = 256;

export class EncryptedStage implements Stage {
  /** A part of an object is copied to be read. */
  readonly isLocal = false;
  readonly #copies: LocalCopies;

  constructor(
    readonly uri: string,
    private readonly inner: Stage,
    private readonly keys: PayloadKeys,
  ) {
    this.#copies = new LocalCopies(uri, (path, file) => this.#fetch(path, file));
  }

  token(options: { create: boolean }): Promise<string | null> {
    return this.inner.token(options);
  }

  async put(path: string, content: Uint8Array | { file: string }): Promise<FileRef> {
    const key = await this.keys.current();
    const header = newHeader(key);
    const cipher = new ObjectCipher(key, header, path);
    if (!(content instanceof Uint8Array))
      return this.#putFile(path, content.file, headerToBytes(header), cipher);
    const frames = Math.max(1, Math.ceil(content.length / FRAME_BYTES));
    const stored = Array.from({ length: frames }, (_, number) => {
      const frame = content.subarray(number * FRAME_BYTES, (number + 1) * FRAME_BYTES);
      return cipher.encrypt(frame, number, number === frames - 1);
    });
    await this.inner.put(path, Buffer.concat([headerToBytes(header), ...stored]));
    return { path, ...digest(content) };
  }

  /** As the inner stage does, the file is removed unless the stage could not take it. */
  async #putFile(path: string, file: string, header: Buffer, cipher: ObjectCipher): Promise<FileRef> {
    const encrypted = `${file}.encrypted`;
    try {
      // As for the stage's own disk, what was computed is kept until there is room.
      await encryptFile(file, encrypted, header, cipher).catch((error: unknown) => {
        throw asUnavailable(error, `The folder of "${encrypted}"`);
      });
      const { bytes, sha256 } = await digestFile(file);
      await this.inner.put(path, { file: encrypted });
      await rm(file, { force: true });
      return { path, bytes, sha256 };
    } catch (error) {
      if (error instanceof ObjectExists) await rm(file, { force: true });
      throw error;
    } finally {
      await rm(encrypted, { force: true });
    }
  }

  async get(path: string, range?: { offset: number; bytes: number }): Promise<Uint8Array> {
    if (range === undefined) {
      const stored = await this.inner.get(path);
      const cipher = await this.#cipherOf(path, stored.subarray(0, HEADER_BYTES));
      return this.#decrypted(cipher, stored.subarray(HEADER_BYTES), { path, first: 0, isWhole: true });
    }
    const cipher = await this.#cipherOf(path, await this.inner.get(path, { offset: 0, bytes: HEADER_BYTES }));
    const first = Math.floor(range.offset / FRAME_BYTES);
    const frames = Math.ceil((range.offset + range.bytes) / FRAME_BYTES) - first;
    const content = await this.#frames(cipher, path, first, frames);
    const from = range.offset - first * FRAME_BYTES;
    return content.subarray(from, from + range.bytes);
  }

  read(ref: FileRef & { offset?: number }): Promise<Uint8Array> {
    return readRecorded(this, ref);
  }

  async list(prefix: string): Promise<{ path: string; bytes: number }[]> {
    const found = await this.inner.list(prefix);
    return found.map(({ path, bytes }) => ({ path, bytes: contentBytes(bytes) }));
  }

  exists(): Promise<boolean> {
    return this.inner.exists();
  }

  folders(): Promise<string[]> {
    return this.inner.folders();
  }

  remove(path: string): Promise<void> {
    return this.inner.remove(path);
  }

  clearUnfinished(before: number, dryRun: boolean): Promise<{ bytes: number }[]> {
    return this.inner.clearUnfinished(before, dryRun);
  }

  localFile(ref: StagedFile, folder?: string): Promise<string> {
    return this.#copies.get(ref, folder);
  }

  localFiles(refs: readonly StagedFile[], folder: string): Promise<string[]> {
    return allOf(refs.map((ref) => this.localFile(ref, folder)));
  }

  async #fetch(path: string, to: string): Promise<void> {
    const cipher = await this.#cipherOf(path, await this.inner.get(path, { offset: 0, bytes: HEADER_BYTES }));
    const file = await open(to, 'w', 0o600);
    try {
      for (let first = 0; ; first += FRAMES_AT_A_TIME) {
        const content = await this.#frames(cipher, path, first, FRAMES_AT_A_TIME);
        // Unlike `write`, until all of it is written.
        await file.appendFile(content);
        if (content.length < FRAMES_AT_A_TIME * FRAME_BYTES) return;
      }
    } finally {
      await file.close();
    }
  }

  async #frames(cipher: ObjectCipher, path: string, first: number, frames: number): Promise<Buffer> {
    const offset = HEADER_BYTES + first * STORED_FRAME_BYTES;
    const stored = await this.inner.get(path, { offset, bytes: frames * STORED_FRAME_BYTES });
    return this.#decrypted(cipher, stored, { path, first, isWhole: false });
  }

  /** `isWhole`: the last of these frames is the object's last one, or it was cut short. */
  #decrypted(
    cipher: ObjectCipher,
    stored: Uint8Array,
    { path, first, isWhole }: { path: string; first: number; isWhole: boolean },
  ): Buffer {
    const frames: Buffer[] = [];
    for (let at = 0; at < stored.length; at += STORED_FRAME_BYTES) {
      const frame = stored.subarray(at, at + STORED_FRAME_BYTES);
      const number = first + frames.length;
      const isEnd = at + STORED_FRAME_BYTES >= stored.length;
      const content =
        (isEnd ? cipher.decrypt(frame, number, true) : null) ??
        (isEnd && isWhole ? null : cipher.decrypt(frame, number, false));
      if (content === null) throw this.#damaged(path);
      frames.push(content);
    }
    if (isWhole && frames.length === 0) throw this.#damaged(path);
    return Buffer.concat(frames);
  }

  async #cipherOf(path: string, bytes: Uint8Array): Promise<ObjectCipher> {
    const header = headerFrom(bytes);
    if (header === null) throw this.#damaged(path);
    const key = await this.keys.named(header.keyId);
    if (isOfKey(header, key)) return new ObjectCipher(key, header, path);
    throw new KeyUnavailable(
      `"${path}" on the stage ${this.uri} cannot be decrypted: the key "${key.id}" of temporal.encryption is another one than the one of that name that encrypted it.`,
    );
  }

  #damaged(path: string): ObjectDamaged {
    return new ObjectDamaged({ path, bytes: 0 }, this.uri, 0);
  }
}

async function encryptFile(from: string, to: string, header: Buffer, cipher: ObjectCipher): Promise<void> {
  const source = await open(from);
  const target = await open(to, 'w', 0o600);
  try {
    await target.appendFile(header);
    let frame = await readFrame(source);
    for (let number = 0; ; number++) {
      const next = frame.length < FRAME_BYTES ? null : await readFrame(source);
      const isLast = next === null || next.length === 0;
      await target.appendFile(cipher.encrypt(frame, number, isLast));
      if (isLast) return;
      frame = next;
    }
  } finally {
    await source.close();
    await target.close();
  }
}

/** Shorter only at the end. */
async function readFrame(file: FileHandle): Promise<Buffer> {
  const frame = Buffer.allocUnsafe(FRAME_BYTES);
  let length = 0;
  while (length < FRAME_BYTES) {
    const { bytesRead } = await file.read(frame, length, FRAME_BYTES - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return frame.subarray(0, length);
}
