/** A stage on S3 or a compatible store: a prefix in a bucket. */
import { randomUUID } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import type { FileRef, StagedFile } from '../../core/files';
import { digest, digestFile } from '../../files/digest';
import { readRecorded } from '../checked';
import { assertInside } from '../inside';
import { LocalCopies } from '../local-copies';
import {
  ObjectChanged,
  ObjectExists,
  ObjectMissing,
  type ListedObject,
  type Stage,
  type VersionedObject,
} from '../stage';
import { hasObjects, readToken, TOKEN_FILE } from '../token';
import { OtherVersion, S3Objects, type ReadPart } from './objects';
import { allOf } from '../../core/all-of';
import { parseS3 } from './location';

export class S3Stage implements Stage {
  readonly isLocal = false;
  readonly #prefix: string;
  readonly #objects: S3Objects;
  readonly #copies: LocalCopies;
  #token: string | null = null;

  constructor(readonly uri: string) {
    const location = parseS3(uri);
    this.#prefix = location.prefix;
    this.#objects = new S3Objects(location);
    this.#copies = new LocalCopies(uri, (path, file) => this.#fetch(path, file));
  }

  async token(options: { create: boolean }): Promise<string | null> {
    // On one endpoint, a bucket's name always refers to the same bucket.
    return (this.#token ??= await readToken(this, options));
  }

  async put(path: string, content: Uint8Array | { file: string }): Promise<FileRef> {
    const key = this.#key(path);
    if (!(content instanceof Uint8Array)) return this.#putFile(path, key, content.file);
    const { bytes, sha256 } = digest(content);
    await this.#write(path, key, bytes, async (offset, length) => content.subarray(offset, offset + length));
    return { path, bytes, sha256 };
  }

  /** Removes the file once it is written or if the path is taken, but not if the store did not respond. */
  async #putFile(path: string, key: string, from: string): Promise<FileRef> {
    const file = await open(from);
    try {
      const { bytes, sha256 } = await digestFile(from);
      await this.#write(
        path,
        key,
        bytes,
        async (offset, length) => (await file.read(Buffer.alloc(length), 0, length, offset)).buffer,
      );
      await rm(from);
      return { path, bytes, sha256 };
    } catch (error) {
      if (error instanceof ObjectExists) await rm(from);
      throw error;
    } finally {
      await file.close();
    }
  }

  async #write(path: string, key: string, bytes: number, readPart: ReadPart): Promise<void> {
    const isTaken = !(await this.#objects.isAws()) && (await this.#objects.writer(key)) !== null;
    if (isTaken || !(await this.#objects.write(key, bytes, readPart, randomUUID())))
      throw new ObjectExists(path);
  }

  async get(path: string, range?: { offset: number; bytes: number }): Promise<Uint8Array> {
    const key = this.#key(path);
    if (range !== undefined) {
      const read = await this.#objects.read(key, range.offset, range.bytes);
      if (read === null) throw new ObjectMissing(path);
      return read.content;
    }
    const parts: { content: Uint8Array; offset: number }[] = [];
    const exists = await this.#objects.readParts(key, async (content, offset) =>
      parts.push({ content, offset }),
    );
    if (!exists) throw new ObjectMissing(path);
    return Buffer.concat(parts.sort((a, b) => a.offset - b.offset).map(({ content }) => content));
  }

  read(ref: FileRef & { offset?: number }): Promise<Uint8Array> {
    return readRecorded(this, ref);
  }

  async #fetch(path: string, to: string): Promise<void> {
    const file = await open(to, 'w');
    try {
      const exists = await this.#objects.readParts(this.#key(path), (content, offset) =>
        writeAt(file, content, offset),
      );
      if (!exists) throw new ObjectMissing(path);
    } finally {
      await file.close();
    }
  }

  async list(prefix: string): Promise<ListedObject[]> {
    const found = await this.#objects.list(this.#key(prefix));
    return found
      .map(({ key, ...object }) => ({ path: key.slice(this.#prefix.length), ...object }))
      .filter(({ path }) => path !== TOKEN_FILE)
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  exists(): Promise<boolean> {
    return hasObjects(this);
  }

  async folders(): Promise<string[]> {
    const found = await this.#objects.folders(this.#prefix);
    return found.map((key) => key.slice(this.#prefix.length, -1)).sort();
  }

  remove(path: string): Promise<void> {
    return this.#objects.remove(this.#key(path));
  }

  async clearUnfinished(before: number, dryRun: boolean): Promise<{ bytes: number }[]> {
    const uploads = await this.#objects.unfinished(this.#prefix, before);
    if (!dryRun) for (const upload of uploads) await this.#objects.abort(upload);
    return uploads;
  }

  localFile(ref: StagedFile, folder?: string): Promise<string> {
    return this.#copies.get(ref, folder);
  }

  localFiles(refs: readonly StagedFile[], folder: string): Promise<string[]> {
    return allOf(refs.map((ref) => this.localFile(ref, folder)));
  }

  async copyVersion({ path, bytes, version }: VersionedObject, file: string, tail = bytes): Promise<void> {
    const target = await open(file, 'r+');
    try {
      const exists = await this.#objects.readParts(
        this.#key(path),
        (content, offset) => writeAt(target, content, offset),
        { from: bytes - tail, version },
      );
      if (!exists) throw new ObjectMissing(path);
    } catch (error) {
      throw error instanceof OtherVersion ? new ObjectChanged(path) : error;
    } finally {
      await target.close();
    }
  }

  #key(path: string): string {
    assertInside(path, this.uri);
    return `${this.#prefix}${path}`;
  }
}

/** `write` writes what a disk that fills up still has room for, and reports an error only the next time. */
async function writeAt(file: FileHandle, content: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < content.length;)
    done += (await file.write(content, done, content.length - done, offset + done)).bytesWritten;
}
