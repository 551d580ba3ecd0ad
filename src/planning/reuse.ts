/**
 * Outcomes that a run reuses from earlier runs of its series: those of partitions whose rows, code and
 * parameters have not changed. Artifacts stay where they are and are referenced; rows are copied into one
 * file under this run's ordinals.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { CarriedContent } from '../core/carried';
import type { ArtifactRef, FileRef } from '../core/files';
import { isSameRuntime, runtimeText } from '../core/runtime';
import { reuseKeys, type ReuseBasis } from '../stored/reuse-key';
import { folderOf, reusedRowsFile, type ExecutionPlace } from '../stored/layout';
import { isStoredSize, type Stage } from '../stage';
import { moveRows, type MovedRows } from '../rows/combined-rows';
import { readLedger, type LedgerEntry } from '../stored/series-ledger';

export interface ReuseRequest {
  stage: Stage;
  /** The execution that reuses. */
  place: ExecutionPlace;
  series: string;
  basis: ReuseBasis;
  /** Partition ids, by ordinal. */
  ids: readonly string[];
  /** By ordinal. */
  fingerprints: readonly string[];
  /** Local folder for files being written. */
  scratch: string;
  warn: (message: string) => void;
}

/** Null if there is nothing to reuse. */
export async function reuseOutcomes(request: ReuseRequest): Promise<CarriedContent | null> {
  const { stage, place, series, basis, scratch, warn } = request;
  const unchanged = await findUnchanged(request);
  const there = await filesThere(stage, unchanged.values());
  const found = [...unchanged].filter(([, entry]) => filesOf(entry).every((file) => there(file)));
  if (found.length < unchanged.size) {
    warn(
      `Files of ${unchanged.size - found.length} earlier outcomes in the series "${series}" are no longer on the stage, so these partitions run again.`,
    );
  }
  if (found.length === 0) return null;
  const moves = rowsToMove(found);
  const target = join(scratch, 'reused.parquet');
  const rows: CarriedContent['rows'] = [];
  if (moves.size > 0) {
    const parts: MovedRows[] = [];
    for (const { file, ordinals } of moves.values())
      parts.push({ file: await stage.localFile(file, scratch), ordinals });
    if (!(await moveRows(basis.keyColumns, parts, target))) {
      warn(
        `The rows of earlier outcomes in the series "${series}" have incompatible columns, so none is reused.`,
      );
      return null;
    }
    const file = await stage.put(reusedRowsFile(place, randomUUID().slice(0, 8)), { file: target });
    rows.push({ file, except: [] });
  }
  warnOfRuntimes(request, found);
  const outcomes = found.map(([ordinal, { outcome, functionDigest, runtime }]) => ({
    outcome: { ...outcome, ordinal, attempts: 0, reused: true },
    execution: place.execution,
    functionDigest,
    ...(runtime !== undefined && { runtime }),
  }));
  return { outcomes, blocks: [], rows, calls: {}, earlierErrors: {} };
}

/** They are reused all the same: packages are not part of the code, as those of npm are not. */
function warnOfRuntimes(
  { series, basis, warn }: ReuseRequest,
  found: readonly (readonly [number, LedgerEntry])[],
): void {
  const own = basis.function.runtime;
  if (own === undefined) return;
  const others = new Set(
    found.flatMap(([, { runtime }]) =>
      runtime === undefined || isSameRuntime(runtime, own) ? [] : [runtimeText(runtime)],
    ),
  );
  for (const other of others)
    warn(
      `Outcomes in the series "${series}" that this run reuses were made on ${other}; it has ${runtimeText(own)}.`,
    );
}

/** Outcomes of unchanged partitions, by ordinal. */
async function findUnchanged({
  stage,
  series,
  basis,
  ids,
  fingerprints,
}: ReuseRequest): Promise<Map<number, LedgerEntry>> {
  const ledger = await readLedger(stage, series);
  const keyOf = reuseKeys(basis);
  const unchanged = new Map<number, LedgerEntry>();
  ids.forEach((id, ordinal) => {
    const entry = ledger?.get(id);
    // enforces I4: only an outcome of the same rows and the same code can replace a call.
    if (entry?.key === keyOf(fingerprints[ordinal]!, basis.function.digest)) unchanged.set(ordinal, entry);
  });
  return unchanged;
}

/** Files that an outcome needs. */
export function filesOf({ outcome, rows }: LedgerEntry): (FileRef | ArtifactRef)[] {
  return [...outcome.artifacts, ...(outcome.outputRows > 0 ? rows.map(({ file }) => file) : [])];
}

/** Returns a check for whether a file is unchanged on the stage. Lists the files of each execution once. */
async function filesThere(
  stage: Stage,
  entries: Iterable<LedgerEntry>,
): Promise<(file: FileRef | ArtifactRef) => boolean> {
  const folders = new Set([...entries].flatMap(filesOf).map(({ path }) => folderOf(path, 3)));
  const bytes = new Map<string, number>();
  for (const folder of folders)
    for (const listed of await stage.list(folder)) bytes.set(listed.path, listed.bytes);
  // An artifact may be part of a larger file.
  return (file) =>
    'offset' in file
      ? file.offset + file.bytes <= (bytes.get(file.path) ?? -1)
      : isStoredSize(bytes.get(file.path) ?? -1, file.bytes);
}

/** The rows to copy, by file path. */
function rowsToMove(
  found: readonly (readonly [number, LedgerEntry])[],
): Map<string, { file: FileRef; ordinals: [number, number][] }> {
  const moves = new Map<string, { file: FileRef; ordinals: [number, number][] }>();
  for (const [ordinal, { outcome, rows }] of found) {
    if (outcome.outputRows === 0) continue;
    for (const { file, except } of rows) {
      if (except.includes(outcome.ordinal)) continue;
      const move = moves.get(file.path) ?? { file, ordinals: [] };
      move.ordinals.push([outcome.ordinal, ordinal]);
      moves.set(file.path, move);
    }
  }
  return moves;
}
