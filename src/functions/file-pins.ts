/** Files that are partitions are read only if they are still what planning saw (I1). */
import { readFile, stat } from 'node:fs/promises';
import { type CsvDialect, dialectOf, MAX_DIALECT_BYTES } from '../duckdb/csv-dialect';
import { digestFile, sha256Of } from '../files/digest';
import type { PinnedFile } from '../core/unit-plan';

/** A source file is not the one that the run was planned with (I1). */
class SourceChanged extends Error {
  override name = 'SourceChanged';
  readonly nonRetryable = true;
  constructor(path: string, change: string) {
    super(
      `The file "${path}" has changed since the run was planned: ${change}. Restore the planned file, or start a new run.`,
    );
  }
}

/** What a file's system says of it without reading it. */
export interface FileState {
  bytes: number;
  modifiedMs: number;
}

/** Throws `SourceChanged` unless the file holds the bytes that planning saw. */
export async function checkPin(file: PinnedFile): Promise<FileState & { dialect: CsvDialect | null }> {
  // enforces I1
  const { path } = file;
  const found = await stateOf(path);
  if (found === null) throw new SourceChanged(path, 'it is missing or unreadable');
  if (found.bytes !== file.bytes) {
    throw new SourceChanged(path, `it had ${file.bytes} bytes and now has ${found.bytes}`);
  }
  const content = found.bytes > MAX_DIALECT_BYTES ? null : await readFile(path);
  const sha256 = content === null ? (await digestFile(path)).sha256 : sha256Of(content);
  // Equal bytes with a different time are the same rows: copying or touching a file does not count as a
  // change.
  if (sha256 !== file.sha256) throw new SourceChanged(path, 'its content differs');
  return { ...found, dialect: content === null ? null : dialectOf(path, content) };
}

/** Whether the file has not been written since it was in this state. */
export async function isStill(file: PinnedFile, { bytes, modifiedMs }: FileState): Promise<boolean> {
  const found = await stateOf(file.path);
  return found !== null && found.bytes === bytes && found.modifiedMs === modifiedMs;
}

async function stateOf(path: string): Promise<FileState | null> {
  const found = await stat(path).catch(() => null);
  return found === null ? null : { bytes: found.size, modifiedMs: found.mtimeMs };
}
