/** Files that are partitions are read only if they are still what planning saw (I1). */
import { type CsvDialect, dialectOf, MAX_DIALECT_BYTES } from '../duckdb/csv-dialect';
import { sha256Of } from '../files/digest';
import { contentOf, type FileState, sha256OfFile, stateOf } from '../files/small-files';
import type { LocalFile } from '../core/unit-plan';

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

/** Throws `SourceChanged` unless the file holds the bytes that planning saw. */
export async function checkPin(file: LocalFile): Promise<FileState & { dialect: CsvDialect | null }> {
  const { path, copyOf: name = path, change } = file;
  if (change !== undefined) throw new SourceChanged(name, change);
  const found = stateIfAny(path);
  if (found === null) throw new SourceChanged(name, 'it is missing or unreadable');
  if (found.bytes !== file.bytes) {
    throw new SourceChanged(name, `it had ${file.bytes} bytes and now has ${found.bytes}`);
  }
  const content = found.bytes > MAX_DIALECT_BYTES ? null : await contentOf(path, found);
  const dialect = content === null ? null : dialectOf(path, content);
  // The stage has compared the object's version when it was copied.
  if (file.sha256 === null) return { ...found, dialect };
  const sha256 = content === null ? await sha256OfFile(path, found) : sha256Of(content);
  // enforces I1. Equal bytes with a different time are the same rows: copying or touching a file does not
  // count as a change.
  if (sha256 !== file.sha256) throw new SourceChanged(name, 'its content differs');
  return { ...found, dialect };
}

/** Whether the file has not been written since it was in this state. */
export function isStill(file: Pick<LocalFile, 'path'>, { bytes, modifiedMs }: FileState): boolean {
  const found = stateIfAny(file.path);
  return found !== null && found.bytes === bytes && found.modifiedMs === modifiedMs;
}

function stateIfAny(path: string): FileState | null {
  try {
    return stateOf(path);
  } catch {
    return null;
  }
}
