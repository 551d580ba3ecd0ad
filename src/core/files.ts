/**
 * References to files on the stage. History names files only this way; readers follow references and never
 * build paths.
 */

/** A whole file on the stage, whoever wrote it. */
export interface StagedFile {
  /** Path below the stage's root, `/`-separated. */
  path: string;
  bytes: number;
  /** Hex digest of the whole file; null if a warehouse wrote it to the stage directly. */
  sha256: string | null;
}

/** A whole file on the stage that Partwise wrote. */
export interface FileRef extends StagedFile {
  sha256: string;
}

/**
 * A Parquet file of rows that functions returned; those of the ordinals in `except` do not count. `File` is a
 * path for a local copy.
 */
export interface RowsFile<File = FileRef> {
  file: File;
  except: readonly number[];
}

/** How an artifact's bytes were encoded from a value, so that `artifacts.get` can decode it. */
export type ArtifactCodec = 'json' | 'text' | 'bytes' | 'csv' | 'parquet' | 'custom';

/** A named artifact of one partition: `bytes` bytes at `offset` in the file at `path`. */
export interface ArtifactRef extends FileRef {
  name: string;
  offset: number;
  codec: ArtifactCodec;
}
