/**
 * A folder on an internal stage of Snowflake. Paths there are prefixes, not folders, so every operation on a
 * single object checks what it got.
 *
 * Snowflake cannot write an object on the condition that it does not exist: `put` checks first, and of two
 * concurrent writes to a path both may succeed, and the later one wins. Attempts write below their own paths;
 * docs/snowflake.md lists the few shared paths.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { FileRef, StagedFile } from '../../core/files';
import { Refusal } from '../../core/refusal';
import { isForbidden, isUnknownObject, poolOf, SnowflakeError, type Result } from '../../snowflake';
import { quoteText } from '../../snowflake/names';
import { digestFile } from '../../files/digest';
import { readRecorded } from '../checked';
import { assertInside } from '../inside';
import { LocalCopies } from '../local-copies';
import { linkOrCopy, moveFile } from '../../files/durable';
import { readRange } from '../../files/read-range';
import { ObjectExists, ObjectMissing, StageUnavailable, type ListedObject, type Stage } from '../stage';
import { hasObjects, readToken, TOKEN_FILE } from '../token';
import { nameOf, parseLocation, type StageLocation } from './location';

export class SnowflakeStage implements Stage {
  readonly isLocal = false;
  readonly location: StageLocation;
  readonly #copies: LocalCopies;
  #token: string | null = null;

  constructor(readonly uri: string) {
    this.location = parseLocation(uri);
    this.#copies = new LocalCopies(uri, (path, file) => this.#fetch(path, file));
  }

  async token(options: { create: boolean }): Promise<string | null> {
    // On one connection, a stage's name always refers to the same stage.
    return (this.#token ??= await readToken(this, options));
  }

  async put(path: string, content: Uint8Array | { file: string }): Promise<FileRef> {
    const place = this.#resolve(path);
    return withFolder(async (folder) => {
      const file = join(folder, basename(path));
      if (content instanceof Uint8Array) await writeFile(file, content);
      else await linkOrCopy(content.file, file);
      const digest = await digestFile(file);
      try {
        if (await this.#exists(path)) throw new ObjectExists(path);
        await this.#upload(file, place.slice(0, place.lastIndexOf('/') + 1), path);
      } catch (error) {
        if (error instanceof ObjectExists) await removeSource(content);
        throw error;
      }
      await removeSource(content);
      return { path, ...digest };
    });
  }

  async #upload(file: string, target: string, path: string): Promise<void> {
    const { columns, rows } = await this.#run(
      `PUT ${quoteText(`file://${file}`)} ${this.#sql(target)} AUTO_COMPRESS = FALSE OVERWRITE = FALSE`,
    );
    const [row = []] = rows;
    const value = (name: string): string | null =>
      row[columns.findIndex((column) => column.name === name)] ?? null;
    const status = value('status');
    if (status === 'UPLOADED') return;
    if (status === 'SKIPPED') throw new ObjectExists(path);
    throw new StageUnavailable(
      `"${path}" could not be written to the stage ${this.uri}: ${value('message') ?? `Snowflake's driver returned ${status}`}`,
    );
  }

  async get(path: string, range?: { offset: number; bytes: number }): Promise<Uint8Array> {
    if (range === undefined) {
      return withFolder(async (folder) => {
        const file = join(folder, 'whole');
        await this.#fetch(path, file);
        return readFile(file);
      });
    }
    return readRange(await this.#copies.whole(path), range);
  }

  read(ref: FileRef & { offset?: number }): Promise<Uint8Array> {
    return readRecorded(this, ref);
  }

  async list(prefix: string): Promise<ListedObject[]> {
    const found = await this.#list(this.#resolve(prefix));
    return found.filter(({ path }) => path !== TOKEN_FILE).sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  exists(): Promise<boolean> {
    return hasObjects(this);
  }

  // LIST has no way to leave out what is in folders.
  async folders(): Promise<string[]> {
    const inFolders = (await this.list('')).filter(({ path }) => path.includes('/'));
    return [...new Set(inFolders.map(({ path }) => path.slice(0, path.indexOf('/'))))].sort();
  }

  async #list(place: string): Promise<ListedObject[]> {
    const { rows } = await this.#run(`LIST ${this.#sql(place)}`);
    // Names begin with the stage's name.
    return rows.map(([name, size, md5]) => ({
      path: name!.slice(name!.indexOf('/') + 1 + this.location.folder.length),
      bytes: Number(size),
      version: md5 ?? undefined,
    }));
  }

  async #exists(path: string): Promise<boolean> {
    return (await this.#list(this.#resolve(path))).some((object) => object.path === path);
  }

  async remove(path: string): Promise<void> {
    const place = this.#resolve(path);
    // Without the pattern, removing "a" would also remove "ab".
    await this.#run(`REMOVE ${this.#sql(place)} PATTERN = ${quoteText(`.*${patternOf(place)}`)}`);
  }

  clearUnfinished(): Promise<never[]> {
    return Promise.resolve([]);
  }

  localFile(ref: StagedFile, folder?: string): Promise<string> {
    return this.#copies.get(ref, folder);
  }

  async localFiles(refs: readonly StagedFile[], folder: string): Promise<string[]> {
    const parents = [...new Set(refs.map(parentOf))];
    const fetched = await Promise.all(
      parents.map((parent) =>
        this.#filesOf(
          parent,
          refs.filter((ref) => parentOf(ref) === parent),
          folder,
        ),
      ),
    );
    const files = new Map(fetched.flat());
    return refs.map((ref) => files.get(ref)!);
  }

  /** Fetches files of one folder with one statement. */
  async #filesOf(
    parent: string,
    refs: readonly StagedFile[],
    folder: string,
  ): Promise<(readonly [StagedFile, string])[]> {
    const oneByOne = () =>
      Promise.all(refs.map(async (ref) => [ref, await this.localFile(ref, folder)] as const));
    if (refs.length < 2) return oneByOne();
    const own = await mkdtemp(join(folder, 'files-'));
    const names = await this.#download(this.#resolve(parent), own);
    // GET puts files of subfolders into the same folder, where files of the same name overwrite each other.
    if (refs.some(({ path }) => names.filter((name) => name === basename(path)).length > 1))
      return oneByOne();
    return Promise.all(
      refs.map(async (ref) => {
        if (!names.includes(basename(ref.path))) throw new ObjectMissing(ref.path);
        return [ref, await this.#copies.checked(ref, join(own, basename(ref.path)))] as const;
      }),
    );
  }

  async #fetch(path: string, file: string): Promise<void> {
    const place = this.#resolve(path);
    await withFolder(async (folder) => {
      const name = basename(path);
      const alike = (await this.#download(place, folder)).filter((each) => each === name);
      if (alike.length === 0) throw new ObjectMissing(path);
      if (alike.length > 1)
        throw new Error(
          `"${path}" on the stage ${this.uri} is also a prefix of the paths of other objects with the same name.`,
        );
      await moveFile(join(folder, name), file);
    });
  }

  /** Returns the names of the downloaded files, with repetitions. */
  async #download(place: string, folder: string): Promise<string[]> {
    const { rows } = await this.#run(`GET ${this.#sql(place)} ${quoteText(`file://${folder}/`)}`);
    const failed = rows.find(([, , status]) => status !== 'DOWNLOADED');
    if (failed !== undefined) {
      const [name, , status, message] = failed;
      throw new StageUnavailable(
        `"${name}" could not be fetched from the stage ${this.uri}: ${message ?? `Snowflake's driver returned ${status}`}`,
      );
    }
    return rows.map(([name]) => basename(name!));
  }

  /** A path in Snowflake's SQL, for statements that read or write the stage directly. */
  place(path: string): string {
    return this.#sql(this.#resolve(path));
  }

  async #run(sql: string): Promise<Result> {
    try {
      return await poolOf(this.location.connection).run(sql);
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #explained(error: unknown): unknown {
    if (!(error instanceof SnowflakeError)) return error;
    if (error.remedy !== 'none')
      return new StageUnavailable(`The stage ${this.uri}: ${error.message}`, { cause: error });
    if (!isUnknownObject(error) && !isForbidden(error)) return error;
    return new Refusal('StageUnreachable', [
      `The stage ${this.uri} cannot be used: ${error.message} ` +
        `Create it with CREATE STAGE ${nameOf(this.location)}, or grant the role READ and WRITE on the stage and USAGE on its database and schema.`,
    ]);
  }

  /** The path from the stage's own root. */
  #resolve(path: string): string {
    assertInside(path, this.uri);
    return `${this.location.folder}${path}`;
  }

  #sql(place: string): string {
    return quoteText(`@${nameOf(this.location)}/${place}`);
  }
}

/** Removes the source once the stage has it. If the stage could not take it, it stays for another attempt. */
async function removeSource(content: Uint8Array | { file: string }): Promise<void> {
  if (!(content instanceof Uint8Array)) await rm(content.file, { force: true });
}

/** The path of its folder, up to and including the last slash. */
function parentOf({ path }: StagedFile): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/**
 * A separate folder for each call: GET puts files of all folders into one, and overwrites files of the same
 * name.
 */
async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'partwise-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Escapes a text for a regular expression without backslashes, which SQL would interpret first. */
function patternOf(text: string): string {
  return text.replace(/[.*+?()[\]{}|$]/g, '[$&]').replace(/[\\^]/g, '.');
}
