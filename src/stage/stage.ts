import type { FileRef, StagedFile } from '../core/files';

/**
 * Storage for snapshot files, artifacts, logs and outputs. There are only four basic operations, because
 * object stores can neither append nor rename. Paths are relative to the stage's root, separated by `/`, and
 * cannot leave it.
 */
export interface Stage {
  /** Absolute URI, e.g. `file:///data/stage`. */
  readonly uri: string;
  /** Whether `localFile` returns the object itself, so that a part can be read without copying the rest. */
  readonly isLocal: boolean;
  /**
   * Returns the content of the token file, which distinguishes this stage from another folder of the same
   * name. With `create`, a missing token is created.
   */
  token(options: { create: boolean }): Promise<string | null>;
  /**
   * Writes a whole object: atomic, durable when it resolves, and write-once (throws `ObjectExists` if the
   * path is taken). A file is moved to the stage; if the stage cannot take it (`StageUnavailable`), it stays
   * in place for another attempt.
   */
  put(path: string, content: Uint8Array | { file: string }): Promise<FileRef>;
  /** Reads an object or a range of it. Throws `ObjectMissing`. */
  get(path: string, range?: { offset: number; bytes: number }): Promise<Uint8Array>;
  /**
   * Reads a recorded file, or the recorded part of one at `offset`, and checks its size and sha256. Throws
   * `ObjectDamaged` if they differ, and `ObjectMissing`.
   */
  read(ref: FileRef & { offset?: number }): Promise<Uint8Array>;
  /** Lists the objects below a prefix that ends in `/`, sorted by path. */
  list(prefix: string): Promise<ListedObject[]>;
  /** Whether there is anything at the stage's place: a folder, even an empty one, or an object. */
  exists(): Promise<boolean>;
  /** Names of the folders at the stage's root, without what is in them, sorted. */
  folders(): Promise<string[]>;
  remove(path: string): Promise<void>;
  /**
   * Removes, unless `dryRun`, the unfinished files of killed writers, which `list` does not return, if they
   * were last changed before a time in milliseconds since 1970. Returns them. Empty for stores that have
   * none.
   */
  clearUnfinished(before: number, dryRun: boolean): Promise<{ bytes: number }[]>;
  /**
   * Returns a local copy to read from, with checked size and sha256; for a local folder, the object itself.
   * The copy is in `folder`, whose owner removes it; without a folder it is cached for other calls in this
   * process.
   */
  localFile(ref: StagedFile, folder?: string): Promise<string>;
  /** `localFile` for several files, in their order. A stage may fetch them together. */
  localFiles(refs: readonly StagedFile[], folder: string): Promise<string[]>;
  /**
   * Writes an object of this version, or its last `tail` bytes at their place, into a file of the object's
   * size that exists. Throws `ObjectChanged` if it has another version now, and `ObjectMissing`. Absent if
   * the store cannot tell.
   */
  copyVersion?(object: VersionedObject, file: string, tail?: number): Promise<void>;
}

export interface ListedObject {
  path: string;
  /** The stored size (see `isStoredSize`). */
  bytes: number;
  /** Differs after the object was written with other content; absent if the store does not say. */
  version?: string;
}

export type VersionedObject = Required<ListedObject>;

/** The path is taken: objects are write-once. */
export class ObjectExists extends Error {
  override name = 'ObjectExists';
  constructor(readonly path: string) {
    super(`"${path}" is already on the stage, whose objects are write-once.`);
  }
}

/** The object does not exist. */
export class ObjectMissing extends Error {
  override name = 'ObjectMissing';
  constructor(readonly path: string) {
    super(`"${path}" is not on the stage.`);
  }
}

/** The object has another version than the one that was asked for. */
export class ObjectChanged extends Error {
  override name = 'ObjectChanged';
  constructor(readonly path: string) {
    super(`"${path}" on the stage has been written again since it was listed.`);
  }
}

/** The object is not the one that was recorded: it was changed or corrupted. */
export class ObjectDamaged extends Error {
  override name = 'ObjectDamaged';
  readonly nonRetryable = true;
  readonly path: string;
  /** `uri` is the stage's. `found` is the size of what was read, in bytes. */
  constructor({ path, bytes }: Pick<StagedFile, 'path' | 'bytes'>, uri: string, found: number) {
    const sizes = found === bytes ? '' : `; it has ${found} bytes, but ${bytes} were recorded`;
    super(
      `"${path}" on the stage ${uri} is not the file that was recorded (its sha256 differs${sizes}): it was changed after it was written.`,
    );
    this.path = path;
  }
}

/** The stage is temporarily unavailable: nothing is known to be wrong with the request. */
export class StageUnavailable extends Error {
  override name = 'StageUnavailable';
}
