/** Which runs `clean` removes. */
import { CleanRefused } from '../../reader/errors';
import type { KnownRun } from './stage-runs';

export interface Selection {
  /** Ids; null: as the others say. */
  runs: readonly string[] | null;
  olderThanMs: number | null;
  /** The newest so many stay. */
  keep: number | null;
}

type Candidate = Pick<KnownRun, 'runId' | 'status' | 'endedAt' | 'isBare'>;

/** The ids of the runs to remove. Throws `CleanRefused` for ids that are none, and for runs in progress. */
export function selectRuns(
  runs: readonly Candidate[],
  { runs: ids, olderThanMs, keep }: Selection,
  now: number,
): Set<string> {
  if (ids !== null) return byId(runs, ids);
  if (olderThanMs === null && keep === null) return new Set();
  const newestFirst = runs.filter(({ isBare }) => !isBare).sort((a, b) => rank(b) - rank(a));
  const newest = new Set(newestFirst.slice(0, keep ?? 0));
  const chosen = runs.filter((run) => {
    if (run.status === 'running' || newest.has(run)) return false;
    if (olderThanMs !== null) return Date.parse(run.endedAt) <= now - olderThanMs;
    // Of a run that may be another server's, and begin just now, only its age says something.
    return run.status === 'ended';
  });
  return new Set(chosen.map(({ runId }) => runId));
}

function rank({ status, endedAt }: Candidate): number {
  return status === 'running' ? Number.MAX_VALUE : Date.parse(endedAt);
}

function byId(runs: readonly Candidate[], ids: readonly string[]): Set<string> {
  const problems: string[] = [];
  for (const id of ids) {
    const run = runs.find(({ runId }) => runId === id);
    if (run === undefined) problems.push(`There is nothing of a run "${id}" on the stage.`);
    else if (run.status === 'running') {
      problems.push(
        `The run "${id}" is in progress: wait for its end, or end it with partwise cancel ${id}, and clean it then.`,
      );
    }
  }
  if (problems.length > 0) throw new CleanRefused(problems);
  return new Set(ids);
}
