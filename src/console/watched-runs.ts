import type { Backend } from './backend';
import { WatchedRun } from './watched-run';

/** The runs that pages look at. */
export class WatchedRuns {
  readonly #runs = new Map<string, WatchedRun>();

  constructor(private readonly backend: Backend) {}

  /** `workflowRunId` null: the run's latest execution. */
  get(runId: string, workflowRunId: string | null): WatchedRun {
    const key = keyOf(runId, workflowRunId);
    const known = this.#runs.get(key);
    if (known !== undefined) return known;
    const run = new WatchedRun(this.backend, runId, workflowRunId, () => this.#runs.delete(key));
    this.#runs.set(key, run);
    return run;
  }

  /** Pages that look at the run's latest execution see the new one at once. */
  retried(runId: string): void {
    this.#runs.get(keyOf(runId, null))?.retried();
  }

  close(): void {
    for (const run of this.#runs.values()) run.close();
    this.#runs.clear();
  }
}

function keyOf(runId: string, workflowRunId: string | null): string {
  return JSON.stringify([runId, workflowRunId]);
}
