/**
 * The ledger of a series of runs: the last successful outcome of each partition, for the next run to reuse.
 * Written completely at the end of each run as a numbered object, so the newest one is sufficient. It only
 * saves work: a run's own history names what it reused, and if a run never wrote its ledger, the previous one
 * stays in use.
 */
import type { RowsFile } from '../core/files';
import type { RecordedOutcome } from '../core/recorded-outcome';
import { ledgerFolder, ledgerNumber, ledgerPath } from './layout';
import { ObjectExists, ObjectMissing, type Stage } from '../stage';
import { closeLines, readClosedLines } from './numbered-objects';

/** The last good outcome of a partition: DONE, and its ordinal is that of the run below. */
export interface LedgerEntry extends Omit<RecordedOutcome, 'execution'> {
  /** See `reuseKeys`. */
  key: string;
  functionDigest: string;
  /** Files that contain its rows, under its ordinal. */
  rows: readonly RowsFile[];
  /** ISO 8601 UTC: when its rows were pinned. */
  snapshotTime: string;
  run: { runId: string; generation: number; execution: number };
}

/** By partition id. */
export type Ledger = ReadonlyMap<string, LedgerEntry>;

/**
 * Entries of one unit's partitions have their rows in the same files, which are written as a separate record.
 */
type LedgerRecord = { place: readonly RowsFile[] } | (Omit<LedgerEntry, 'rows'> & { place: number });

/** Number of ledgers to keep: the newest, and those that a run being planned may still be reading. */
const KEPT = 3;

/** Null if the series has none. */
export async function readLedger(stage: Stage, series: string): Promise<Ledger | null> {
  return (await newestLedger(stage, series)).ledger;
}

/**
 * Adds a run's outcomes to the ledger. If two runs end at the same time, both are added: the one whose number
 * is taken merges again. `present` has the ids of all partitions of the source, so that entries of removed
 * partitions are dropped; null if the run did not read the whole source.
 */
export async function writeLedger(
  stage: Stage,
  series: string,
  run: { done: Ledger; present: ReadonlySet<string> | null; snapshotTime: string },
): Promise<void> {
  for (;;) {
    const { number, ledger } = await newestLedger(stage, series);
    const merged = mergeLedger(ledger, run);
    try {
      await stage.put(ledgerPath(series, number + 1), closeLines(ledgerRecords(merged)));
    } catch (error) {
      if (error instanceof ObjectExists) continue;
      throw error;
    }
    for (const { path, number: old } of await listLedgers(stage, series))
      if (old <= number + 1 - KEPT) await stage.remove(path);
    return;
  }
}

/**
 * Outcomes of newer snapshots win, regardless of which run ends last: a retry of last week's run does not
 * replace this week's outcomes.
 */
function mergeLedger(
  before: Ledger | null,
  { done, present, snapshotTime }: Parameters<typeof writeLedger>[2],
): Ledger {
  const merged = new Map<string, LedgerEntry>();
  for (const [id, entry] of before ?? []) {
    const gone = present !== null && !present.has(id) && entry.snapshotTime <= snapshotTime;
    if (!gone) merged.set(id, entry);
  }
  for (const [id, entry] of done) {
    const known = merged.get(id);
    if (known === undefined || known.snapshotTime <= entry.snapshotTime) merged.set(id, entry);
  }
  return merged;
}

/** All ledgers of a series, oldest first. */
async function listLedgers(stage: Stage, series: string): Promise<{ path: string; number: number }[]> {
  const listed = await stage.list(ledgerFolder(series));
  return listed
    .map(({ path }) => ({ path, number: ledgerNumber(path) }))
    .filter((found): found is { path: string; number: number } => found.number !== null)
    .sort((a, b) => a.number - b.number);
}

/** The newest complete ledger, and the highest number in use. */
async function newestLedger(
  stage: Stage,
  series: string,
): Promise<{ number: number; ledger: Ledger | null }> {
  for (;;) {
    const listed = await listLedgers(stage, series);
    const number = listed.at(-1)?.number ?? 0;
    let removed = false;
    for (const { path } of listed.toReversed()) {
      try {
        const ledger = await ledgerIn(stage, path);
        if (ledger !== null) return { number, ledger };
      } catch (error) {
        if (!(error instanceof ObjectMissing)) throw error;
        removed = true;
      }
    }
    // Runs that ended in the meantime have written newer ones.
    if (!removed) return { number, ledger: null };
  }
}

/** Null if the file is incomplete. */
export async function ledgerIn(stage: Stage, path: string): Promise<Ledger | null> {
  const records = readClosedLines(await stage.get(path)) as LedgerRecord[] | null;
  return records === null ? null : ledgerOf(records);
}

function ledgerRecords(ledger: Ledger): LedgerRecord[] {
  const places = new Map<readonly RowsFile[], number>();
  const entries: LedgerRecord[] = [];
  for (const { rows, ...entry } of ledger.values()) {
    const place = places.get(rows) ?? places.size;
    places.set(rows, place);
    entries.push({ ...entry, place });
  }
  return [...[...places.keys()].map((place) => ({ place })), ...entries];
}

function ledgerOf(records: readonly LedgerRecord[]): Ledger {
  const places: (readonly RowsFile[])[] = [];
  const ledger = new Map<string, LedgerEntry>();
  for (const record of records) {
    if (!('outcome' in record)) places.push(record.place);
    else {
      const { place, ...entry } = record;
      ledger.set(entry.outcome.id, { ...entry, rows: places[place]! });
    }
  }
  return ledger;
}
