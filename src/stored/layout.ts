/**
 * Where things are put on the stage. Only writers use this; readers follow the references that history holds.
 *
 *     <run>/executions/<n>.json
 *     <run>/archive/e<execution>-<name>.json.gz
 *     <run>/g<generation>/plan-<attempt>/{index,snapshot}.parquet, unit-plan.json
 *     <run>/g<generation>/e<execution>/carried-<name>.jsonl, reused-<name>.parquet
 *     <run>/g<generation>/e<execution>/plan.json
 *     <run>/g<generation>/e<execution>/u<unit>/a<attempt>/<ordinal>-<slug>/<artifact>
 *     <run>/g<generation>/e<execution>/u<unit>/a<attempt>/{segments,output,logs}/…
 *     @series/<series>/<n>.jsonl
 */
import { folderName, shortDigest } from '../files/folder-name';

/** An execution of a run. */
export interface ExecutionPlace {
  runId: string;
  generation: number;
  execution: number;
}

/** A run id as a folder name. */
export function runFolder(runId: string): string {
  // A name that begins with a dot is the stage's own: its token, and what is unfinished.
  const name = folderName(runId).replace(/^\./, '%2E');
  // enforces I6
  return distinct(name, runId);
}

/** The run id of a folder; of one that was cut or has a hash, the folder's name itself. */
export function runIdOfFolder(folder: string): string {
  try {
    const runId = decodeURIComponent(folder);
    return runFolder(runId) === folder ? runId : folder;
  } catch {
    return folder;
  }
}

export function locatorPath(runId: string, execution: number): string {
  return `${runFolder(runId)}/executions/${execution}.json`;
}

/** Ends in `/`. Holds the archived histories of the run's executions. */
export function archiveFolder(runId: string): string {
  return `${runFolder(runId)}/archive/`;
}

/** Ends in `/`. Each planning attempt has a folder of its own, so a repeated one overwrites nothing. */
export function planFolder(run: { runId: string; generation: number }, attempt: string): string {
  return `${runFolder(run.runId)}/g${run.generation}/plan-${attempt}/`;
}

/** Ends in `/`. Holds the attempts of all units of an execution. */
export function executionFolder(task: ExecutionPlace): string {
  return `${runFolder(task.runId)}/g${task.generation}/e${task.execution}/`;
}

/** The plan that an execution settled on, for a planning attempt whose end the server has forgotten. */
export function planPath(execution: ExecutionPlace): string {
  return `${executionFolder(execution)}plan.json`;
}

/** The first so many folders of a path; ends in `/`. Three are the folder of an execution. */
export function folderOf(path: string, depth: number): string {
  return `${path.split('/').slice(0, depth).join('/')}/`;
}

/** The number of the execution that put a file; null for what is the run's own (locators, archives). */
export function executionOfPath(path: string): number | null {
  const number = /^[^/]+\/g\d+\/(?:plan-)?e(\d+)(?:a[^/]*)?\//.exec(path)?.[1];
  return number === undefined ? null : Number(number);
}

/** Outcomes that an execution takes over from before. */
export function carriedFile(place: ExecutionPlace, name: string): string {
  return `${executionFolder(place)}carried-${name}.jsonl`;
}

export function isCarriedFile(path: string): boolean {
  return /^[^/]+\/g\d+\/e\d+\/carried-[^/]+\.jsonl$/.test(path);
}

/** Ends in `/`. Holds the attempts of a unit: `a1/`, `a2/`, … */
export function unitFolder(task: ExecutionPlace, activityId: string): string {
  return `${executionFolder(task)}u${activityId}/`;
}

/**
 * The folder of one attempt, `a3/`. A server that lost its last seconds gives attempt numbers again, and
 * objects are written once: then `a1.2/`, where 2 counts such lives of the server.
 */
export interface AttemptPlace {
  attempt: number;
  life: number;
}

/** Below the unit's folder; ends in `/`. */
export function attemptFolder({ attempt, life }: AttemptPlace): string {
  return life === 1 ? `a${attempt}/` : `a${attempt}.${life}/`;
}

/**
 * Which attempt put this object, given by its path below the unit's folder; null for what belongs to none.
 */
export function attemptOf(path: string): AttemptPlace | null {
  const match = /^a(\d+)(?:\.(\d+))?\//.exec(path);
  return match === null ? null : { attempt: Number(match[1]), life: Number(match[2] ?? 1) };
}

/** In the order in which attempts began. */
export function compareAttempts(a: AttemptPlace, b: AttemptPlace): number {
  return a.life - b.life || a.attempt - b.attempt;
}

/** Where a new attempt writes, after those that have put something: later than all of them. */
export function nextAttempt(attempt: number, before: readonly AttemptPlace[]): AttemptPlace {
  const last = [...before].sort(compareAttempts).at(-1);
  if (last === undefined) return { attempt, life: 1 };
  return { attempt, life: attempt > last.attempt ? last.life : last.life + 1 };
}

/** Rows of outcomes that a run reuses. */
export function reusedRowsFile(place: ExecutionPlace, name: string): string {
  return `${executionFolder(place)}reused-${name}.parquet`;
}

/** Holds the series' folders. A name that begins with `@` is no run's: there the character is encoded. */
export const SERIES_FOLDER = '@series/';

/** Ends in `/`. */
export function ledgerFolder(series: string): string {
  // enforces I6
  return `${SERIES_FOLDER}${distinct(folderName(series), series)}/`;
}

export function ledgerPath(series: string, number: number): string {
  return `${ledgerFolder(series)}${number}.jsonl`;
}

/** The number in a ledger's path; null when it is no ledger's. */
export function ledgerNumber(path: string): number | null {
  const number = /\/(\d{1,9})\.jsonl$/.exec(path)?.[1];
  return number === undefined ? null : Number(number);
}

/** Ends in `/`. The ordinal makes it unique; the slug is for people who look into the folder. */
export function partitionFolder(ordinal: number, partitionId: string): string {
  const slug = partitionId
    .replace(/%[0-9A-F]{2}/g, '-')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .toLowerCase()
    .slice(0, 40);
  return slug === '' ? `${ordinal}/` : `${ordinal}-${slug}/`;
}

/**
 * An artifact's name as a file name: encoded, and cut with a hash where file systems would refuse its length.
 */
export function artifactFile(name: string): string {
  return distinct(folderName(name), name);
}

/** With a hash where the name would be another one's on a file system that ignores case (I6). */
function distinct(name: string, original: string): string {
  return original === original.toLowerCase() ? name : `${name}-${shortDigest(original)}`;
}
