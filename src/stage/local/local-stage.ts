import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, rmdir, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FileRef, StagedFile } from '../../run/files';
import { digest, digestFile } from '../digest-file';
import { makeFolder } from '../make-folder';
import { moveFile } from '../move-file';
import { readRange } from '../read-range';
import { ObjectExists, ObjectMissing, type Stage } from '../stage';
import { readToken, TOKEN_FILE } from '../token';

/** Unfinished objects live here until they are linked into place; never listed. */
const PARTIAL_FOLDER = '.partial';
/** Somebody who cleans up may remove an empty folder as often as it is made. */
const MOST_TRIES = 20;

/** A folder as a stage. Objects appear by hard link, so a reader never sees half of one. */
export class LocalStage implements Stage {
  readonly isLocal = true;
  readonly #root: string;

  constructor(readonly uri: string) {
    this.#root = fileURLToPath(uri);
  }

  token(options: { create: boolean }): Promise<string | null> {
    return readToken(this, options);
  }

  async put(path: string, content: Uint8Array | { file: string }): Promise<FileRef> {
    const target = this.#resolve(path);
    const partial = join(this.#root, PARTIAL_FOLDER, randomUUID());
    const { bytes, sha256 } =
      content instanceof Uint8Array ? digest(content) : await digestFile(content.file);
    const write = (): Promise<void> =>
      content instanceof Uint8Array ? writeFile(partial, content) : moveFile(content.file, partial);
    await inFolder(partial, makeFolder, write);
    try {
      // By now its file system is known to take folders.
      await inFolder(target, makeFolders, () => link(partial, target));
      return { path, bytes, sha256 };
    } catch (error) {
      if (isCode(error, 'EEXIST')) throw new ObjectExists(path);
      throw error;
    } finally {
      await unlink(partial);
    }
  }

  async get(path: string, range?: { offset: number; bytes: number }): Promise<Uint8Array> {
    try {
      if (range === undefined) return await readFile(this.#resolve(path));
      return await readRange(this.#resolve(path), range);
    } catch (error) {
      throw isCode(error, 'ENOENT') ? new ObjectMissing(path) : error;
    }
  }

  async list(prefix: string): Promise<{ path: string; bytes: number }[]> {
    const found: { path: string; bytes: number }[] = [];
    await this.#walk(prefix, found);
    return found.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  async #walk(prefix: string, found: { path: string; bytes: number }[]): Promise<void> {
    let entries;
    try {
      entries = await readdir(this.#resolve(prefix), { withFileTypes: true });
    } catch (error) {
      if (isCode(error, 'ENOENT')) return;
      throw error;
    }
    for (const entry of entries) {
      if (prefix === '' && (entry.name === PARTIAL_FOLDER || entry.name === TOKEN_FILE)) continue;
      const path = `${prefix}${entry.name}`;
      if (entry.isDirectory()) await this.#walk(`${path}/`, found);
      else found.push({ path, bytes: (await stat(this.#resolve(path))).size });
    }
  }

  /** Folders that become empty go too. */
  async remove(path: string): Promise<void> {
    const file = this.#resolve(path);
    await rm(file, { force: true });
    for (let folder = dirname(file); folder !== this.#root; folder = dirname(folder)) {
      try {
        await rmdir(folder);
      } catch (error) {
        if (!isCode(error, 'ENOENT')) return;
      }
    }
  }

  localFiles(refs: readonly StagedFile[]): Promise<string[]> {
    return Promise.all(refs.map((ref) => this.localFile(ref)));
  }

  async localFile(ref: StagedFile): Promise<string> {
    const path = this.#resolve(ref.path);
    const found = await stat(path).catch((error: unknown) => {
      throw isCode(error, 'ENOENT') ? new ObjectMissing(ref.path) : error;
    });
    if (found.size !== ref.bytes) {
      throw new Error(
        `"${ref.path}" on the stage ${this.uri} has ${found.size} bytes, but the run recorded ${ref.bytes}: the file was changed after it was written.`,
      );
    }
    return path;
  }

  /** enforces I6: no path leaves the stage's folder. */
  #resolve(path: string): string {
    const full = join(this.#root, ...path.split('/'));
    const inside =
      full === this.#root || full.startsWith(this.#root.endsWith(sep) ? this.#root : this.#root + sep);
    if (!inside || path.startsWith('/') || path.split('/').includes('..') || path.includes('\0')) {
      throw new Error(`The path "${path}" would leave the stage ${this.uri}.`);
    }
    return full;
  }
}

/** Makes the file's folder when it is not there: it never was, or was removed with the last object that had been in it. */
async function inFolder(
  file: string,
  make: (folder: string) => Promise<void>,
  write: () => Promise<void>,
): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await write();
    } catch (error) {
      if (!isCode(error, 'ENOENT') || tries === MOST_TRIES) throw error;
      await make(dirname(file));
    }
  }
}

async function makeFolders(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
