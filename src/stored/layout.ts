/**
 * Paths of objects on the stage. Only writers use these; readers follow the references in history.
 *
 *     <run>/executions/<n>.json
 *     <run>/archive/e<execution>-<name>.json.gz
 *     <run>/g<generation>/plan-<attempt>/{index,snapshot,rows-<ordinal>}.parquet, unit-plan.json
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
  // Names that begin with a dot belong to the stage itself: its token, and unfinished files.
  const name = folderName(runId).replace(/^\./, '%2E');
  // enforces I6
  return distinct(name, runId);
}

/** The run id of a folder; if the name was truncated or has a hash, the folder's name itself. */
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

/** Ends in `/`. Contains the archived histories of the run's executions. */
export function archiveFolder(runId: string): string {
  return `${runFolder(runId)}/archive/`;
}

/** Ends in `/`. Contains the snapshots and executions of one generation. */
export function generationFolder(run: { runId: string; generation: number }): string {
  return `${runFolder(run.runId)}/g${run.generation}/`;
}

/** Ends in `/`. Each planning attempt has its own folder, so a repeated attempt overwrites nothing. */
export function planFolder(run: { runId: string; generation: number }, attempt: string): string {
  return `${generationFolder(run)}plan-${attempt}/`;
}

/** Ends in `/`. Contains the attempts of all units of an execution. */
export function executionFolder(task: ExecutionPlace): string {
  return `${generationFolder(task)}e${task.execution}/`;
}

/** The final plan of an execution, for when the server has lost the end of the planning attempt. */
export function planPath(execution: ExecutionPlace): string {
  return `${executionFolder(execution)}plan.json`;
}

/** The first `depth` folders of a path; ends in `/`. A depth of three gives an execution's folder. */
export function folderOf(path: string, depth: number): string {
  return `${path.split('/').slice(0, depth).join('/')}/`;
}

/** The number of the execution that wrote a file; null for files of the run itself (locators, archives). */
export function executionOfPath(path: string): number | null {
  const number = /^[^/]+\/g\d+\/(?:plan-)?e(\d+)(?:a[^/]*)?\//.exec(path)?.[1];
  return number === undefined ? null : Number(number);
}

/** The outcomes that an execution takes over. */
export function carriedFile(place: ExecutionPlace, name: string): string {
  return `${executionFolder(place)}carried-${name}.jsonl`;
}

export function isCarriedFile(path: string): boolean {
  return /^[^/]+\/g\d+\/e\d+\/carried-[^/]+\.jsonl$/.test(path);
}

/** Ends in `/`. Contains the attempts of a unit: `a1/`, `a2/`, … */
export function unitFolder(task: ExecutionPlace, activityId: string): string {
  return `${executionFolder(task)}u${activityId}/`;
}

/**
 * The folder of one attempt, `a3/`. A server that lost its last seconds assigns attempt numbers again, but
 * objects are written once: then the folder is `a1.2/`, where 2 counts the lives of the server.
 */
export interface AttemptPlace {
  attempt: number;
  life: number;
}

/** Relative to the unit's folder; ends in `/`. */
export function attemptFolder({ attempt, life }: AttemptPlace): string {
  return life === 1 ? `a${attempt}/` : `a${attempt}.${life}/`;
}

/**
 * The attempt that wrote an object, from its path relative to the unit's folder; null if it belongs to no
 * attempt.
 */
export function attemptOf(path: string): AttemptPlace | null {
  const match = /^a(\d+)(?:\.(\d+))?\//.exec(path);
  return match === null ? null : { attempt: Number(match[1]), life: Number(match[2] ?? 1) };
}

/** Orders attempts by their start. */
export function compareAttempts(a: AttemptPlace, b: AttemptPlace): number {
  return a.life - b.life || a.attempt - b.attempt;
}

/** Where a new attempt writes: after all attempts that have already written something. */
export function nextAttempt(attempt: number, before: readonly AttemptPlace[]): AttemptPlace {
  const last = [...before].sort(compareAttempts).at(-1);
  if (last === undefined) return { attempt, life: 1 };
  return { attempt, life: attempt > last.attempt ? last.life : last.life + 1 };
}

/** The rows of outcomes that a run reuses. */
export function reusedRowsFile(place: ExecutionPlace, name: string): string {
  return `${executionFolder(place)}reused-${name}.parquet`;
}

/**
 * Contains the folders of series. Run folders never begin with `@`, because the character is encoded there.
 */
export const SERIES_FOLDER = '@series/';

/** Ends in `/`. */
export function ledgerFolder(series: string): string {
  // enforces I6
  return `${SERIES_FOLDER}${distinct(folderName(series), series)}/`;
}

export function ledgerPath(series: string, number: number): string {
  return `${ledgerFolder(series)}${number}.jsonl`;
}

/** The number in a ledger's path; null for other paths. */
export function ledgerNumber(path: string): number | null {
  const number = /\/(\d{1,9})\.jsonl$/.exec(path)?.[1];
  return number === undefined ? null : Number(number);
}

/** Ends in `/`. The ordinal makes it unique; the slug makes it readable. */
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
 * An artifact's name as a file name: encoded, and truncated with a hash if it would be too long for file
 * systems.
 */
export function artifactFile(name: string): string {
  return distinct(folderName(name), name);
}

/** Adds a hash to names that could collide on a case-insensitive file system (I6). */
function distinct(name: string, original: string): string {
  return original === original.toLowerCase() ? name : `${name}-${shortDigest(original)}`;
}
