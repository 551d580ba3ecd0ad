/** Selects the runs that `clean` removes. */
import { shellWord } from '../../core/shell-word';
import { CleanRefused } from '../../reader/errors';
import type { KnownRun } from './stage-runs';

export interface Selection {
  /** Run ids. Null: `olderThanMs` and `keep` decide. */
  runs: readonly string[] | null;
  olderThanMs: number | null;
  /** Number of newest runs to keep. */
  keep: number | null;
}

type Candidate = Pick<KnownRun, 'runId' | 'status' | 'endedAt' | 'isBare'>;

/** The ids of the runs to remove. Throws `CleanRefused` for unknown ids and for runs in progress. */
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
    // A run with unknown status may be starting on another server, so only its age can select it.
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
    if (run === undefined) problems.push(`The stage has no run "${id}".`);
    else if (run.status === 'running') {
      problems.push(
        `The run "${id}" is in progress: wait until it ends, or stop it with partwise cancel ${shellWord(id)}, then clean it.`,
      );
    }
  }
  if (problems.length > 0) throw new CleanRefused(problems);
  return new Set(ids);
}
