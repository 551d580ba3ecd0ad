import { NoSuchRun, type RunHandle } from '..';
import type { Backend, Reader } from './backend';

/** The console of one run that was opened from a file: nothing of it can be changed. */
export function ofRun(run: RunHandle, file: string): Backend {
  const reader: Reader = {
    list: async (filter) => {
      const { status: wanted, function: wantedFunction, text = '' } = filter ?? {};
      const { runId, status, function: name, startedAt, endedAt, counts, rows, error } = await run.status();
      const end = { startedAt, endedAt, counts, rows, error };
      const listing = { runId, status, function: name, ...end, archived: true };
      const isWanted =
        (wanted ?? status) === status &&
        (wantedFunction ?? name) === name &&
        runId.toLowerCase().includes(text.toLowerCase());
      return { runs: isWanted ? [listing] : [], refused: 0, unread: [], next: null };
    },
    getRun: (runId) => {
      if (runId === run.runId) return run;
      throw new NoSuchRun(runId, `"${file}" contains the run "${run.runId}", not "${runId}".`);
    },
  };
  return {
    name: file,
    folder: null,
    source: () => Promise.resolve('history file'),
    read: (work) => work(reader),
    excerpt: null,
    project: null,
    change: null,
  };
}
