/**
 * Removes from the stage what nobody needs: runs that were asked for, leftovers of runs that stay, ledgers
 * that newer ones replaced. What is needed is found first, over everything that stays: a run may have reused
 * the artifacts of another.
 */
import type { Client } from '@temporalio/client';
import { unsealLines } from '../../stored/numbered-objects';
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

/** No put takes longer. */
const PUT_MS = 86_400_000;
/** Files that are removed at once. */
const AT_ONCE = 16;

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
  // Before anything else is read: what begins from here on is in no list.
  const content = await readStage(stage);
  const runs: KnownRun[] = [];
  for (const run of content.runs) runs.push({ ...run, ...(await standingOf(client, stage, run)) });
  const selected = selectRuns(runs, selection, now);
  const ledgers = await ledgersOf(stage, content.series);
  const kept = new Map<string, KeptRun>();
  const unread: UnreadRun[] = [];
  // enforces I3: what anything that stays has recorded stays.
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
  const doomed: StageObject[] = [...oldLedgers, ...unnamed];
  for (const run of runs.sort((a, b) => (a.endedAt < b.endedAt ? -1 : 1))) {
    const { runId, endedAt, status, objects } = run;
    const stays = kept.get(runId);
    // Who names runs means these, and no other.
    if (status === 'running' || (stays !== undefined && selection.runs !== null)) continue;
    const files = stays === undefined ? removable(run, needed) : leftovers(objects, stays, needed);
    if (files.length === 0) continue;
    const elsewhere = stays === undefined ? objects.filter(({ path }) => needed.has(path)) : [];
    cleaned.push({
      runId,
      endedAt,
      what: stays === undefined ? 'run' : 'leftovers',
      ...sizeOf(files),
      needed: sizeOf(elsewhere),
    });
    doomed.push(...files);
  }
  if (!dryRun) await removeAll(stage, doomed);
  const unfinished = sizeOf(await stage.clearUnfinished(now - PUT_MS, dryRun));
  return {
    stage: stage.uri,
    dryRun,
    runs: cleaned,
    unread,
    ledgers: sizeOf(oldLedgers),
    models: sizeOf(unnamed),
    unfinished,
    files: doomed.length + unfinished.files,
    bytes: sizeOf(doomed).bytes + unfinished.bytes,
  };
}

/**
 * What goes first leaves a continuation that begins meanwhile nothing to begin with. Locators go last, and
 * stay while the server knows the run: they say that its id is taken, and that there was something.
 */
function removable({ objects, onServer }: KnownRun, needed: ReadonlySet<string>): StageObject[] {
  const order = (path: string): number => (path.includes('/plan-') ? 0 : isLocator(path) ? 2 : 1);
  return objects
    .filter(({ path }) => !needed.has(path) && !(onServer && isLocator(path)))
    .sort((a, b) => order(a.path) - order(b.path));
}

/** One execution at a time is in memory: histories may be large, and runs many. */
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
    // enforces I3: what it holds is not known, so nothing of it is known to be left over.
    if (reading?.record.hasForged === true)
      throw new Error(
        `Results in the history of its execution ${execution} were not written by this project's worker, or with another secret.`,
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
    // enforces I4: one that ended before it had a plan took nothing over, and the open units of the one
    // before are still to be.
    if (record.plan !== null) open = openUnits(record);
  }
  // enforces I3
  if (!isWhole) named.push(...(await pinnedModels(stage, objects)));
  return { readable, open, named };
}

/**
 * Of a run that cannot be read nothing is known to be unneeded: all of its own files stay, and of others what
 * it took over. What is not whole among the files that say so is of no use to the run either.
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
 * What an execution that nobody here can read has taken over, of other runs too: another server may have its
 * history. Whether that names the file of what was taken over, nobody here knows; its own files stay anyway.
 */
async function namedByCarried(
  stage: Stage,
  objects: readonly StageObject[],
  execution: number,
): Promise<string[]> {
  const named: string[] = [];
  for (const { path } of objects) {
    if (!isCarriedFile(path) || executionOfPath(path) !== execution) continue;
    const records = unsealLines(await stage.get(path)) as CarriedRecord[] | null;
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
  for (let i = 0; i < objects.length; i += AT_ONCE)
    await Promise.all(objects.slice(i, i + AT_ONCE).map(({ path }) => stage.remove(path)));
}

function sizeOf(objects: readonly { bytes: number }[]): FilesAndBytes {
  return { files: objects.length, bytes: objects.reduce((sum, { bytes }) => sum + bytes, 0) };
}
