import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FileRef, StagedFile } from '../../core/files';
import { digest, digestFile } from '../../files/digest';
import { linkOrCopy, syncFile, writeNew } from '../../files/durable';
import { makeFolder, makeFolders, makeOne } from '../../files/folders';
import { readRange } from '../../files/read-range';
import { assertRecorded, readRecorded } from '../checked';
import { ObjectExists, ObjectMissing, type Stage } from '../stage';
import { readToken, TOKEN_FILE } from '../token';
import { inspect, recordWritten } from './checked-files';
import { forgetNames, syncNames } from './kept-names';
import { SameStage } from './same-stage';
import { asUnavailable } from '../unavailable';

/** Unfinished objects are here until they are linked into place. Never listed. */
const PARTIAL_FOLDER = '.partial';
/** A concurrent cleanup may remove an empty folder each time that it is created. */
const MAX_TRIES = 20;

/**
 * A folder as a stage. Objects are hard-linked into place, so a reader never sees a partial one, and a put
 * resolves once the object would survive a power loss.
 */
export class LocalStage implements Stage {
  readonly isLocal = true;
  readonly #root: string;
  readonly #same: SameStage | null;

  /**
   * `token` is that of the expected stage: while the folder is a different stage, or none, every operation
   * throws `StageUnavailable`.
   */
  constructor(
    readonly uri: string,
    token: string | null = null,
  ) {
    this.#root = resolve(fileURLToPath(uri));
    this.#same = token === null ? null : new SameStage(uri, this.#root, token);
  }

  token(options: { create: boolean }): Promise<string | null> {
    return readToken(this, options);
  }

  async put(path: string, content: Uint8Array | { file: string }): Promise<FileRef> {
    const target = this.#resolve(path);
    const { bytes, sha256 } =
      content instanceof Uint8Array ? digest(content) : await digestFile(content.file);
    await this.#using(async () => {
      await this.#same?.check();
      try {
        await this.#place(content, target);
      } catch (error) {
        if (!isCode(error, 'EEXIST')) throw error;
        await removeFile(content);
        throw new ObjectExists(path);
      }
    });
    // Removing a link changes the file's times, so the digest is recorded afterwards.
    await removeFile(content);
    await recordWritten(target, sha256);
    return { path, bytes, sha256 };
  }

  async #place(content: Uint8Array | { file: string }, target: string): Promise<void> {
    const partial = join(this.#root, PARTIAL_FOLDER, randomUUID());
    try {
      await inFolder(
        partial,
        (folder) => this.#makePartialFolder(folder),
        () => writePartial(content, partial),
      );
      // The file system has just proved that it accepts folders.
      await inFolder(
        target,
        (folder) => this.#makeFolders(folder),
        () => link(partial, target),
      );
    } finally {
      await rm(partial, { force: true });
    }
    try {
      await syncNames(dirname(target), this.#root);
      // Since the previous check, the folder may have become another one, so the object would not be on the
      // stage.
      await this.#same?.check();
    } catch (error) {
      // Otherwise another put would find the path taken.
      await rm(target, { force: true }).catch(() => {});
      throw error;
    }
  }

  async #makePartialFolder(folder: string): Promise<void> {
    // The root of a known stage is not created: its disk may just have been unmounted.
    if (this.#same !== null) {
      await makeOne(folder);
      return;
    }
    // Only the owner may read a stage, unless it was created beforehand or its mode was changed to share it.
    await makeFolder(this.#root, 0o700);
    await makeFolder(folder);
  }

  /** Not the root, which may have been unmounted since the last check. */
  async #makeFolders(folder: string): Promise<void> {
    const first = await makeFolders(folder, this.#root);
    forgetNames(folder, first ?? folder);
  }

  async get(path: string, range?: { offset: number; bytes: number }): Promise<Uint8Array> {
    const file = this.#resolve(path);
    return this.#using(() =>
      this.#orMissing(path, () => (range === undefined ? readFile(file) : readRange(file, range))),
    );
  }

  read(ref: FileRef & { offset?: number }): Promise<Uint8Array> {
    return readRecorded(this, ref);
  }

  /** Throws `ObjectMissing`, or `StageUnavailable` if the whole stage is missing. */
  async #orMissing<T>(path: string, read: () => Promise<T>): Promise<T> {
    const missing = (error: unknown): unknown => (isCode(error, 'ENOENT') ? new ObjectMissing(path) : error);
    try {
      return await read();
    } catch (error) {
      if (!isCode(error, 'ENOENT') || this.#same === null || path === TOKEN_FILE) throw missing(error);
    }
    await this.#same.check();
    // The stage may have come back in between.
    return read().catch((error: unknown) => {
      throw missing(error);
    });
  }

  async list(prefix: string): Promise<{ path: string; bytes: number }[]> {
    const found: { path: string; bytes: number }[] = [];
    await this.#using(async () => {
      await this.#same?.check();
      await this.#walk(prefix, found);
      await this.#same?.check();
    });
    return found.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  exists(): Promise<boolean> {
    return this.#using(async () => {
      try {
        return (await stat(this.#root)).isDirectory();
      } catch (error) {
        if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return false;
        throw error;
      }
    });
  }

  async folders(): Promise<string[]> {
    return this.#using(async () => {
      await this.#same?.check();
      const entries = await readdir(this.#resolve(''), { withFileTypes: true }).catch(orEmpty);
      await this.#same?.check();
      return entries
        .filter((entry) => entry.isDirectory() && entry.name !== PARTIAL_FOLDER)
        .map(({ name }) => name)
        .sort();
    });
  }

  async #walk(prefix: string, found: { path: string; bytes: number }[]): Promise<void> {
    const entries = await readdir(this.#resolve(prefix), { withFileTypes: true }).catch(orEmpty);
    for (const entry of entries) {
      if (prefix === '' && (entry.name === PARTIAL_FOLDER || entry.name === TOKEN_FILE)) continue;
      const path = `${prefix}${entry.name}`;
      if (entry.isDirectory()) await this.#walk(`${path}/`, found);
      else found.push({ path, bytes: (await stat(this.#resolve(path))).size });
    }
  }

  /** Also removes folders that become empty. */
  async remove(path: string): Promise<void> {
    const file = this.#resolve(path);
    await this.#using(async () => {
      await this.#same?.check();
      await rm(file, { force: true });
    });
    for (let folder = dirname(file); folder !== this.#root; folder = dirname(folder)) {
      try {
        await rmdir(folder);
        forgetNames(folder, folder);
      } catch (error) {
        if (!isCode(error, 'ENOENT')) return;
      }
    }
  }

  async clearUnfinished(before: number, dryRun: boolean): Promise<{ bytes: number }[]> {
    const folder = join(this.#root, PARTIAL_FOLDER);
    const old: { bytes: number }[] = [];
    await this.#using(async () => {
      for (const name of await readdir(folder).catch(orEmpty)) {
        const file = join(folder, name);
        const found = await stat(file).catch(orEmpty);
        // Not `mtime`: a file that was moved here may be older than the put.
        if (Array.isArray(found) || found.isDirectory() || found.ctimeMs >= before) continue;
        if (!dryRun) await rm(file, { force: true });
        old.push({ bytes: found.size });
      }
    });
    return old;
  }

  localFiles(refs: readonly StagedFile[]): Promise<string[]> {
    return Promise.all(refs.map((ref) => this.localFile(ref)));
  }

  async localFile(ref: StagedFile): Promise<string> {
    const path = this.#resolve(ref.path);
    return this.#using(async () => {
      const file = await this.#orMissing(ref.path, () => inspect(path));
      await assertRecorded(ref, this.uri, file);
      return path;
    });
  }

  /** Converts file system errors that are not caused by the request to `StageUnavailable`. */
  async #using<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const away = isCode(error, 'ENOENT') ? await this.#whyAway() : null;
      throw asUnavailable(away ?? error, `The stage ${this.uri}`);
    }
  }

  /** Why the folder is no longer the stage; null if it is. */
  async #whyAway(): Promise<unknown> {
    return this.#same?.check().then(
      () => null,
      (error: unknown) => error,
    );
  }

  /** enforces I6: no path leaves the stage's folder. */
  #resolve(path: string): string {
    const full = join(this.#root, ...path.split('/'));
    const inside =
      full === this.#root || full.startsWith(this.#root.endsWith(sep) ? this.#root : this.#root + sep);
    if (!inside || path.startsWith('/') || path.split('/').includes('..') || path.includes('\0')) {
      throw new Error(`The path "${path}" leads outside the stage ${this.uri}.`);
    }
    return full;
  }
}

/**
 * Creates the file's folder if it is missing: it never existed, or was removed with its last object.
 */
async function inFolder(
  file: string,
  make: (folder: string) => Promise<void>,
  write: () => Promise<void>,
): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await write();
    } catch (error) {
      if (!isCode(error, 'ENOENT') || tries === MAX_TRIES) throw error;
      await make(dirname(file));
    }
  }
}

async function writePartial(content: Uint8Array | { file: string }, partial: string): Promise<void> {
  if (content instanceof Uint8Array) return writeNew(partial, content);
  await linkOrCopy(content.file, partial);
  await syncFile(partial);
}

/** Removes the source once the stage has it. A failed put leaves it for the next attempt. */
async function removeFile(content: Uint8Array | { file: string }): Promise<void> {
  if (!(content instanceof Uint8Array)) await rm(content.file, { force: true });
}

/** Handles a missing folder or file. */
function orEmpty(error: unknown): never[] {
  if (isCode(error, 'ENOENT')) return [];
  throw error;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
