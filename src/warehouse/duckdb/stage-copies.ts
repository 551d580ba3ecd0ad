/**
 * Files on a stage that are partitions, copied while a run is planned: DuckDB then lists, describes and
 * counts them like any others, and needs no extension and no credentials.
 *
 * Each object has a file, which is empty until its name is known to match. Of a large Parquet file, only the
 * footer is copied if the stage supports that: planning reads nothing else.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, open, rename, rm, truncate } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { formatOf } from '../../core/file-format';
import { inParallel } from '../../core/in-parallel';
import { inTurn } from '../../core/in-turn';
import { Refusal } from '../../core/refusal';
import type { PinnedFile } from '../../core/unit-plan';
import { sha256Of } from '../../files/digest';
import { processFolder } from '../../files/process-folder';
import { eachFile, sha256OfFile, stateOf } from '../../files/small-files';
import { portableUri, type ListedObject, type Stage } from '../../stage';
import { foldersOf, sourceStage } from '../staged-files';

/** How much is read of the end of a Parquet file at first. */
const TAIL_BYTES = 64 * 1024;
/** At both ends of a Parquet file; before the last one is the length of the footer. */
const MAGIC = Buffer.from('PAR1');
const END_BYTES = 4 + MAGIC.length;

/** What a kept folder has of an object. */
interface Copy extends ListedObject {
  content: 'none' | 'footer' | 'whole';
}

/** The copies of one place. */
interface Kept {
  root: string;
  copies: Map<string, Copy>;
  users: number;
}

const kept = new Map<string, Kept>();

export class StageCopies {
  /** As users write it, without parts that are valid only on this machine; ends in `/`. */
  readonly uri: string;
  /** The files are below it, at their paths on the stage. */
  readonly folder: string;

  private constructor(
    private readonly stage: Stage,
    private readonly of: Kept,
  ) {
    this.uri = portableUri(stage.uri);
    this.folder = join(of.root, ...foldersOf(this.uri));
  }

  /**
   * Lists the objects that match at least the constant parts of the pattern. A run is checked, and planned
   * right afterwards, so copies are kept until another place is read, or the call that is the `last`.
   *
   * @param source `files` is a place on a stage, and `pattern` a glob below it
   * @param warehouse URI of the run's warehouse
   */
  static async use<T>(
    source: { files: string; pattern: string },
    at: { projectDir: string; warehouse: string; signal?: AbortSignal; last: boolean },
    work: (copies: StageCopies) => Promise<T>,
  ): Promise<T> {
    const { stage } = sourceStage(source.files, at.projectDir, at.warehouse);
    if (source.pattern.split('/').some((part) => ['', '.', '..'].includes(part)))
      throw new Refusal('InvalidInput', [
        `"source.pattern" is "${source.pattern}", which has an empty folder, "." or "..": write it without them.`,
      ]);
    const place = JSON.stringify([stage.uri, source.pattern]);
    const own = keep(place);
    own.users++;
    try {
      const { signal = new AbortController().signal } = at;
      return await inTurn(`copies of ${place}`, signal, async () => {
        signal.throwIfAborted();
        const copies = new StageCopies(stage, own);
        await copies.#list(source.pattern);
        return await work(copies);
      });
    } finally {
      own.users--;
      if (at.last && own.users === 0) drop(place);
    }
  }

  async #list(pattern: string): Promise<void> {
    const folders = pattern.split('/').slice(0, -1);
    const globbed = folders.findIndex((folder) => /[*?[]/.test(folder));
    const named = globbed === -1 ? folders : folders.slice(0, globbed);
    const prefix = named.map((folder) => `${folder}/`).join('');
    const ending = /[^*?\]]*$/.exec(pattern)![0];
    const listed = new Map<string, ListedObject>();
    for (const object of await this.stage.list(prefix))
      // Consoles of stores create an empty object for a folder.
      if (object.path.endsWith(ending) && !(object.path.endsWith('/') && object.bytes === 0))
        listed.set(object.path, object);
    const { copies } = this.of;
    for (const path of copies.keys()) {
      if (listed.has(path)) continue;
      rmSync(this.#file(path), { force: true });
      copies.delete(path);
    }
    const unusable: string[] = [];
    await eachFile([...listed.values()], (object) => {
      const { path, bytes, version } = object;
      const copy = copies.get(path);
      if (copy === undefined && !this.#create(path)) unusable.push(path);
      else if (
        copy === undefined ||
        version === undefined ||
        copy.version !== version ||
        copy.bytes !== bytes
      )
        copies.set(path, { ...object, content: 'none' });
    });
    if (unusable.length > 0)
      throw new Refusal(
        'InvalidInput',
        unusable.map(
          (path) =>
            `The object "${this.uri}${path}" has a name that no file next to the others can have: rename it, or choose a pattern that does not match it.`,
        ),
      );
  }

  /** Creates the empty file of an object. Returns false if there can be none of this name. */
  #create(path: string): boolean {
    if (path.split('/').some((part) => ['', '.', '..'].includes(part)) || path.includes('\0')) return false;
    const file = this.#file(path);
    try {
      mkdirSync(dirname(file), { recursive: true });
      // Not if there is one: names may differ in case only, and a folder may have the name of a file.
      writeFileSync(file, '', { flag: 'wx' });
      return true;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (['EEXIST', 'EISDIR', 'ENOTDIR', 'ENAMETOOLONG'].includes(code)) return false;
      throw error;
    }
  }

  /** Copies what planning needs of these files. */
  async fetch(files: readonly string[], signal?: AbortSignal): Promise<void> {
    const missing = files
      .map((file) => this.of.copies.get(this.name(file))!)
      .filter(({ content }) => content === 'none');
    if (this.stage.copyVersion === undefined) return this.#fetchWhole(missing, signal);
    await inParallel(missing, async (copy) => {
      signal?.throwIfAborted();
      await this.#fetchVersion(copy);
    });
  }

  async #fetchVersion(copy: Copy): Promise<void> {
    const file = this.#file(copy.path);
    const isTail = formatOf(copy.path) === 'parquet' && copy.bytes > 2 * TAIL_BYTES;
    const version = { path: copy.path, bytes: copy.bytes, version: copy.version! };
    await truncate(file, copy.bytes);
    await this.stage.copyVersion!(version, file, isTail ? TAIL_BYTES : undefined);
    if (isTail) {
      const missing = await writeStart(file, copy.bytes);
      if (missing > 0) await this.stage.copyVersion!(version, file, Math.min(missing, copy.bytes));
    }
    copy.content = isTail ? 'footer' : 'whole';
  }

  /** Of each folder, since a stage may fetch the files of one together. */
  async #fetchWhole(missing: readonly Copy[], signal?: AbortSignal): Promise<void> {
    const folders = new Map<string, Copy[]>();
    for (const copy of missing) {
      const folder = dirname(copy.path);
      folders.set(folder, [...(folders.get(folder) ?? []), copy]);
    }
    for (const copies of folders.values()) {
      signal?.throwIfAborted();
      const scratch = await mkdtemp(join(this.of.root, 'fetched-'));
      try {
        const refs = copies.map(({ path, bytes }) => ({ path, bytes, sha256: null }));
        for (const [i, fetched] of (await this.stage.localFiles(refs, scratch)).entries()) {
          await rename(fetched, this.#file(copies[i]!.path));
          copies[i]!.content = 'whole';
        }
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    }
  }

  /** Errors name the objects instead of their copies. */
  async naming<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const named = (text: string): string => text.replaceAll(`${this.folder}${sep}`, this.uri);
      if (error instanceof Refusal) throw new Refusal(error.type, error.problems.map(named));
      if (error instanceof Error) error.message = named(error.message);
      throw error;
    }
  }

  /** The path on the stage. */
  name(file: string): string {
    return relative(this.folder, file).split(sep).join('/');
  }

  async pin(file: string): Promise<PinnedFile> {
    const { path, bytes, version, content } = this.of.copies.get(this.name(file))!;
    if (content === 'footer') return { path, bytes, modifiedMs: 0, sha256: null, version };
    const state = stateOf(file);
    return { path, bytes: state.bytes, modifiedMs: 0, sha256: await sha256OfFile(file, state) };
  }

  #file(path: string): string {
    return join(this.folder, ...path.split('/'));
  }
}

/** Also drops others that nobody uses. */
function keep(place: string): Kept {
  for (const [other, { users }] of kept) if (other !== place && users === 0) drop(other);
  const known = kept.get(place);
  if (known !== undefined) return known;
  const root = join(processFolder('sources'), sha256Of(place).slice(0, 16));
  mkdirSync(root, { recursive: true });
  const made = { root, copies: new Map<string, Copy>(), users: 0 };
  kept.set(place, made);
  return made;
}

function drop(place: string): void {
  const { root } = kept.get(place)!;
  kept.delete(place);
  rmSync(root, { recursive: true, force: true });
}

/**
 * Writes the start of a Parquet file whose end is there. Returns how many bytes of the end are needed if it
 * does not contain the whole footer; otherwise 0.
 */
async function writeStart(file: string, bytes: number): Promise<number> {
  const opened = await open(file, 'r+');
  try {
    const { buffer } = await opened.read(Buffer.alloc(END_BYTES), 0, END_BYTES, bytes - END_BYTES);
    await opened.write(MAGIC, 0, MAGIC.length, 0);
    const needed = buffer.readUInt32LE(0) + END_BYTES;
    return needed > TAIL_BYTES ? needed : 0;
  } finally {
    await opened.close();
  }
}
