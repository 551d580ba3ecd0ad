/** Local copies of objects on a stage that is not a local folder. */
import { randomUUID } from 'node:crypto';
import { rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StagedFile } from '../core/files';
import { digestFile } from '../files/digest';
import { makeFolders } from '../files/folders';
import { isFullDisk } from '../files/full-disk';
import { processFolder } from '../files/process-folder';
import { assertRecorded } from './checked';
import { asUnavailable } from './unavailable';

/** Cached copies, such as partition indexes, which every unit of a run reads. */
const MAX_KEPT = 16;

/** Fetches an object into a local file that does not exist yet. */
type Fetch = (path: string, file: string) => Promise<void>;

export class LocalCopies {
  /** By digest or path, least recently used first. */
  readonly #kept = new Map<string, Promise<string>>();

  constructor(
    private readonly uri: string,
    private readonly fetch: Fetch,
  ) {}

  /**
   * Returns a checked copy in `folder`, whose owner removes it, or without a folder a cached one.
   */
  async get(ref: StagedFile, folder?: string): Promise<string> {
    if (folder !== undefined) return this.#copy(ref.path, folder, ref);
    return this.#keep(ref.sha256 ?? ref.path, ref.path, ref);
  }

  /** Returns a cached copy of an object of unknown size, to read parts of. */
  whole(path: string): Promise<string> {
    return this.#keep(path, path, null);
  }

  /** Returns `file`, which was fetched by other means, if it is what the run recorded. */
  async checked(ref: StagedFile, file: string): Promise<string> {
    await this.#check(ref, file);
    return file;
  }

  async #keep(key: string, path: string, ref: StagedFile | null): Promise<string> {
    const known = this.#kept.get(key);
    this.#kept.delete(key);
    const copy = known ?? this.#copy(path, null, ref);
    this.#kept.set(key, copy);
    copy.catch(() => this.#kept.delete(key));
    if (this.#kept.size > MAX_KEPT) await this.#dropOldest();
    return copy;
  }

  async #dropOldest(): Promise<void> {
    const [key, copy] = this.#kept.entries().next().value!;
    this.#kept.delete(key);
    await rm(await copy, { force: true });
  }

  /** Without a folder: in the process's own. */
  async #copy(path: string, folder: string | null, ref: StagedFile | null): Promise<string> {
    try {
      return await this.#copyTo(folder ?? processFolder('copies'), path, ref);
    } catch (error) {
      // As a stage that is full: nobody's fault, and to be waited for.
      if (!isFullDisk(error)) throw error;
      const where = `"${folder ?? tmpdir()}", for copies of files of the stage ${this.uri},`;
      throw asUnavailable(error, `The folder ${where}`);
    }
  }

  async #copyTo(folder: string, path: string, ref: StagedFile | null): Promise<string> {
    await makeFolders(folder);
    const file = join(folder, `copy-${randomUUID()}`);
    const partial = `${file}.partial`;
    try {
      await this.fetch(path, partial);
      if (ref !== null) await this.#check(ref, partial);
      await rename(partial, file);
      return file;
    } finally {
      await rm(partial, { force: true });
    }
  }

  async #check(ref: StagedFile, file: string): Promise<void> {
    const { size } = await stat(file);
    await assertRecorded(ref, this.uri, {
      bytes: size,
      sha256: async () => (await digestFile(file)).sha256,
    });
  }
}
