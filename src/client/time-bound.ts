/** How long a run takes at least, if its rows take as long as those of an earlier run. */
import type { Client } from '@temporalio/client';
import { PARTITION_STATUSES } from '../core/status';
import type { PartitionColumns } from '../history/partition-columns';
import { RunList } from '../reader/list';
import { Run } from '../reader/run';
import { ServerRun } from '../reader/run-source';

/** What an earlier run says about the time of a planned one. */
export interface TimeBound {
  /** The last run of the function that has ended, with DONE partitions that it called itself. */
  runId: string;
  startedAt: string;
  /** Milliseconds of calls per source row there, over all of these partitions. */
  msPerRow: number;
  /** Units at a time in the planned run. */
  maxConcurrency: number;
  /**
   * Milliseconds that the units take if all lanes are always busy, or that the largest unit takes, whichever
   * is longer.
   */
  atLeastMs: number;
}

/** The time of a row in the run that it was measured in. */
export type Pace = Pick<TimeBound, 'runId' | 'startedAt' | 'msPerRow'>;

/** `unitRows`: rows of each unit. Null without rows. */
export function timeBound(
  pace: Pace | null,
  unitRows: readonly number[],
  maxConcurrency: number,
): TimeBound | null {
  let [all, most] = [0, 0];
  for (const rows of unitRows) {
    all += rows;
    most = Math.max(most, rows);
  }
  if (pace === null || all === 0) return null;
  const atLeastMs = pace.msPerRow * Math.max(all / maxConcurrency, most);
  return { ...pace, maxConcurrency, atLeastMs };
}

/** The project's runs that are looked at: an older one is no guide to the next. */
const MAX_LISTED = 200;
/** Runs of the function that are read, until one tells. */
const MAX_READ = 20;

/**
 * Null if no run of the project's function can be read that tells. `stage`: the project's, as an absolute
 * path or URI.
 */
export async function lastPace(
  client: Client,
  { name, taskQueue, stage }: { name: string; taskQueue: string; stage: string | null },
): Promise<Pace | null> {
  const { runs } = await new RunList(client).page({ function: name, taskQueue, limit: MAX_LISTED });
  for (const { runId, startedAt, counts } of runs.slice(0, MAX_READ)) {
    // A run in progress has no counts, and its slow partitions are still missing.
    if ((counts?.DONE ?? 0) === 0) continue;
    const run = new Run(new ServerRun(client, runId, null, stage), null);
    // Its files may be gone.
    const msPerRow = await run.columns().then(paceOf, () => null);
    if (msPerRow !== null) return { runId, startedAt, msPerRow };
  }
  return null;
}

const DONE = PARTITION_STATUSES.indexOf('DONE');

function paceOf({ status, durationMs, rows, reused }: PartitionColumns): number | null {
  let [ms, count] = [0, 0];
  for (let ordinal = 0; ordinal < status.length; ordinal++) {
    if (status[ordinal] !== DONE || reused[ordinal] === 1 || Number.isNaN(durationMs[ordinal]!)) continue;
    ms += durationMs[ordinal]!;
    count += rows[ordinal]!;
  }
  return count === 0 ? null : ms / count;
}
