/**
 * Removes unused files from the stage: selected runs, leftovers of runs that are kept, ledgers that newer
 * ones replaced. First collects all needed files over everything that is kept, because a run may reuse the
 * artifacts of another.
 */
import type { Client } from '@temporalio/client';
import { readClosedLines } from '../../stored/numbered-objects';
import { filesOf } from '../../planning/reuse';
import { ledgerIn } from '../../stored/series-ledger';
import { carriedContent, type CarriedRecord } from '../../core/carried';
import { artifactPaths } from '../../core/done-block';
import { executionOfPath, isCarriedFile, ledgerNumber } from '../../stored/layout';
import type { Stage } from '../../stage';
import { selectRuns, type Selection } from './selection';
import type { CleanedRun, CleanReport, FilesAndBytes, UnreadRun } from './types';
import { isLocator } from '../../stored/locators';
import { neededByModels, pinnedModels } from './needed-models';
import { leftovers, namedFiles, openUnits, type KeptRun } from './needed-files';
import {
  orGone,
  orUnreadable,
  readerOf,
  readStage,
  standingOf,
  type KnownRun,
  type StageObject,
} from './stage-runs';

/** No put takes longer than this. */
const PUT_MS = 86_400_000;
/** Files that are removed concurrently. */
const MAX_REMOVALS = 16;

export async function cleanStage(
  client: Client,
  stage: Stage,
  selection: Selection,
  {
    dryRun,
    now,
    models: records,
  }: { dryRun: boolean; now: number; models: Parameters<typeof neededByModels>[3] },
): Promise<CleanReport> {
  // Listed before anything else is read: files of anything that starts later are not in the lists.
  const content = await readStage(stage);
  const runs: KnownRun[] = [];
  for (const run of content.runs) runs.push({ ...run, ...(await standingOf(client, stage, run)) });
  const selected = selectRuns(runs, selection, now);
  const ledgers = await ledgersOf(stage, content.series);
  const kept = new Map<string, KeptRun>();
  const unread: UnreadRun[] = [];
  // enforces I3: files that anything kept has recorded are kept.
  const models = await neededByModels(stage, content.models, now, records);
  const needed = new Set([...ledgers.needed, ...models.needed]);
  for (const run of runs) {
    if (selected.has(run.runId)) continue;
    const read = await orUnreadable(readKept(client, stage, run));
    const { named, ...rest } = 'why' in read ? await keptUnread(stage, run) : read.value;
    if ('why' in read) unread.push({ runId: run.runId, why: read.why });
    for (const path of named) needed.add(path);
    kept.set(run.runId, rest);
  }
  const cleaned: CleanedRun[] = [];
  const oldLedgers = selection.runs === null ? ledgers.superseded : [];
  const unnamed = selection.runs === null ? models.unnamed : [];
  const removed: StageObject[] = [...oldLedgers, ...unnamed];
  for (const run of runs.sort((a, b) => (a.endedAt < b.endedAt ? -1 : 1))) {
    const { runId, endedAt, status, objects } = run;
    const keptRun = kept.get(runId);
    // With runs named by id, only those are cleaned.
    if (status === 'running' || (keptRun !== undefined && selection.runs !== null)) continue;
    const files = keptRun === undefined ? removable(run, needed) : leftovers(objects, keptRun, needed);
    if (files.length === 0) continue;
    const elsewhere = keptRun === undefined ? objects.filter(({ path }) => needed.has(path)) : [];
    cleaned.push({
      runId,
      endedAt,
      what: keptRun === undefined ? 'run' : 'leftovers',
      ...sizeOf(files),
      needed: sizeOf(elsewhere),
    });
    removed.push(...files);
  }
  if (!dryRun) await removeAll(stage, removed);
  const unfinished = sizeOf(await stage.clearUnfinished(now - PUT_MS, dryRun));
  return {
    stage: stage.uri,
    dryRun,
    runs: cleaned,
    unread,
    ledgers: sizeOf(oldLedgers),
    models: sizeOf(unnamed),
    unfinished,
    files: removed.length + unfinished.files,
    bytes: sizeOf(removed).bytes + unfinished.bytes,
  };
}

/**
 * Plans are removed first, so that a retry that starts meanwhile finds nothing to start from. Locators are
 * removed last, and kept while the server has the run: they record that the run existed and that its id is
 * taken.
 */
function removable({ objects, onServer }: KnownRun, needed: ReadonlySet<string>): StageObject[] {
  const order = (path: string): number => (path.includes('/plan-') ? 0 : isLocator(path) ? 2 : 1);
  return objects
    .filter(({ path }) => !needed.has(path) && !(onServer && isLocator(path)))
    .sort((a, b) => order(a.path) - order(b.path));
}

/** Reads one execution at a time into memory: histories may be large, and there may be many runs. */
async function readKept(
  client: Client,
  stage: Stage,
  { runId, locators, damaged, objects }: KnownRun,
): Promise<KeptRun & { named: string[] }> {
  const readable = new Set<number>();
  const named: string[] = [];
  let open: string[] = [];
  let isWhole = damaged.length === 0;
  for (const execution of damaged) named.push(...(await namedByCarried(stage, objects, execution)));
  for (const { execution, workflowRunId } of locators) {
    const reader = readerOf(client, stage, runId, workflowRunId);
    const reading = await orGone(reader.read());
    // enforces I3: its content is unknown, so none of its files are known to be leftovers.
    if (reading?.record.hasForged === true)
      throw new Error(
        `Results in the history of its execution ${execution} were not written by this project's worker, or were written with a secret other than the project's.`,
      );
    const outcomes = reading === null ? null : await orGone(reader.outcomes(reading.record));
    isWhole &&= outcomes !== null && reading!.record.plan !== null;
    if (outcomes === null) {
      named.push(...(await namedByCarried(stage, objects, execution)));
      continue;
    }
    readable.add(execution);
    const { record } = reading!;
    named.push(...(await namedFiles(stage, record, outcomes)));
    // enforces I4: an execution that ended before planning took nothing over, so the open units of the
    // previous one are still open.
    if (record.plan !== null) open = openUnits(record);
  }
  // enforces I3
  if (!isWhole) named.push(...(await pinnedModels(stage, objects)));
  return { readable, open, named };
}

/**
 * For a run that cannot be read, no file is known to be unneeded: all of its own files are kept, and the
 * files it took over from other runs. If a file that lists those is damaged, the run cannot use it either.
 */
async function keptUnread(
  stage: Stage,
  { locators, objects }: KnownRun,
): Promise<KeptRun & { named: string[] }> {
  const named: string[] = [];
  const reads: (() => Promise<Iterable<string>>)[] = [
    ...locators.map(
      ({ execution }) =>
        () =>
          namedByCarried(stage, objects, execution),
    ),
    () => pinnedModels(stage, objects),
  ];
  for (const each of reads) {
    const read = await orUnreadable(each());
    if ('value' in read) named.push(...read.value);
  }
  // enforces I3
  return { readable: new Set(), open: [], named };
}

/**
 * Files that an unreadable execution took over, from other runs too: its history may be on another server.
 * Whether that history names the file that lists them is unknown here; the execution's own files are kept
 * anyway.
 */
async function namedByCarried(
  stage: Stage,
  objects: readonly StageObject[],
  execution: number,
): Promise<string[]> {
  const named: string[] = [];
  for (const { path } of objects) {
    if (!isCarriedFile(path) || executionOfPath(path) !== execution) continue;
    const records = readClosedLines(await stage.get(path)) as CarriedRecord[] | null;
    const { outcomes, blocks, rows } = carriedContent(records ?? []);
    named.push(...rows.map(({ file }) => file.path));
    named.push(...blocks.flatMap(({ block }) => artifactPaths(block)));
    named.push(...outcomes.flatMap(({ outcome }) => outcome.artifacts.map((artifact) => artifact.path)));
  }
  return named;
}

async function ledgersOf(
  stage: Stage,
  series: ReadonlyMap<string, readonly StageObject[]>,
): Promise<{ needed: Set<string>; superseded: StageObject[] }> {
  const needed = new Set<string>();
  const superseded: StageObject[] = [];
  for (const objects of series.values()) {
    const newestFirst = objects
      .filter(({ path }) => ledgerNumber(path) !== null)
      .sort((a, b) => ledgerNumber(b.path)! - ledgerNumber(a.path)!);
    let found = false;
    for (const object of newestFirst) {
      if (found) {
        superseded.push(object);
        continue;
      }
      const ledger = await orGone(ledgerIn(stage, object.path));
      if (ledger === null) continue;
      found = true;
      for (const entry of ledger.values()) for (const { path } of filesOf(entry)) needed.add(path);
    }
  }
  return { needed, superseded };
}

async function removeAll(stage: Stage, objects: readonly StageObject[]): Promise<void> {
  for (let i = 0; i < objects.length; i += MAX_REMOVALS)
    await Promise.all(objects.slice(i, i + MAX_REMOVALS).map(({ path }) => stage.remove(path)));
}

function sizeOf(objects: readonly { bytes: number }[]): FilesAndBytes {
  return { files: objects.length, bytes: objects.reduce((sum, { bytes }) => sum + bytes, 0) };
}
