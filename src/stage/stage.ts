import type { FileRef, StagedFile } from '../core/files';

/**
 * The place for snapshot files, artifacts, logs and outputs. Four verbs, because object stores neither append
 * nor rename. Paths are relative to the stage's root, `/`-separated, and cannot leave it.
 */
export interface Stage {
  /** Absolute URI, e.g. `file:///data/stage`. */
  readonly uri: string;
  /** Whether `localFile` gives the object itself: then a part of it is read without copying the rest. */
  readonly isLocal: boolean;
  /**
   * Content of the token file that tells this stage from another folder of the same name; made on first use.
   */
  token(options: { create: boolean }): Promise<string | null>;
  /**
   * Writes a whole object: atomic, durable when it resolves, and write-once (throws `ObjectExists` when the
   * path is taken). A file moves to the stage; it stays where it was when the stage could not take it
   * (`StageUnavailable`), for another try.
   */
  put(path: string, content: Uint8Array | { file: string }): Promise<FileRef>;
  /** Reads an object or a range of it. Throws `ObjectMissing`. */
  get(path: string, range?: { offset: number; bytes: number }): Promise<Uint8Array>;
  /**
   * Reads a file that was recorded, or the part of one that begins at `offset`, and checks its size and
   * sha256. Throws `ObjectDamaged` when they differ, and `ObjectMissing`.
   */
  read(ref: FileRef & { offset?: number }): Promise<Uint8Array>;
  /**
   * Objects below a prefix that ends in `/`, sorted by path. `bytes`: as the stage stores them (see
   * `isStoredSize`).
   */
  list(prefix: string): Promise<{ path: string; bytes: number }[]>;
  remove(path: string): Promise<void>;
  /**
   * What writers that were killed have left unfinished, last changed before a time in milliseconds since
   * 1970: files that no list has. Removes them unless `dryRun`. Empty for stages whose store sees to it.
   */
  clearUnfinished(before: number, dryRun: boolean): Promise<{ bytes: number }[]>;
  /**
   * A local copy to read from, whose bytes and sha256 were checked; for a local folder the object itself. The
   * copy is in `folder`, for its owner to remove; without one it is kept for others that ask in this process.
   */
  localFile(ref: StagedFile, folder?: string): Promise<string>;
  /** `localFile` of several, which a stage may fetch together; in their order. */
  localFiles(refs: readonly StagedFile[], folder: string): Promise<string[]>;
}

/** The path is taken: objects are write-once. */
export class ObjectExists extends Error {
  override name = 'ObjectExists';
  constructor(readonly path: string) {
    super(`"${path}" is already on the stage, whose objects are write-once.`);
  }
}

/** There is no such object. */
export class ObjectMissing extends Error {
  override name = 'ObjectMissing';
  constructor(readonly path: string) {
    super(`"${path}" is not on the stage.`);
  }
}

/** The object is not the one that was recorded: its disk, or somebody, changed it. */
export class ObjectDamaged extends Error {
  override name = 'ObjectDamaged';
  readonly nonRetryable = true;
  readonly path: string;
  /** `uri`: of the stage. `found`: size of what was read, in bytes. */
  constructor({ path, bytes }: Pick<StagedFile, 'path' | 'bytes'>, uri: string, found: number) {
    const sizes = found === bytes ? '' : `; it has ${found} bytes, but ${bytes} were recorded`;
    super(
      `"${path}" on the stage ${uri} is not the file that was recorded (its sha256 differs${sizes}): it was changed after it was written.`,
    );
    this.path = path;
  }
}

/** The stage did not answer, and will again: nothing is known to be wrong with what was asked of it. */
export class StageUnavailable extends Error {
  override name = 'StageUnavailable';
}
