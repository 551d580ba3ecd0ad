/** A run with a recorded history: in a file, or in archives on a stage. */
import type { PayloadDecoder } from '../history/events';
import { archivedExecution } from './archive/archives';
import { NoSuchRun } from './errors';
import type { RecordedHistory } from './histories/execution-history';
import { RunReader } from './run-reader';
import type { RunSource } from './run-source';

export class RecordedRun implements RunSource {
  readonly runId: string;

  /**
   * `workflowRunId` may be another execution than that of the history, read from the archives on the run's
   * stage.
   */
  constructor(
    private readonly history: RecordedHistory,
    readonly decoder: PayloadDecoder,
    readonly workflowRunId: string = history.execution.runId,
  ) {
    this.runId = history.execution.workflowId;
  }

  async locate(): Promise<RecordedHistory> {
    const { history, runId, workflowRunId } = this;
    if (history.execution.runId === workflowRunId) return history;
    const reader = new RunReader(new RecordedRun(history, this.decoder));
    const stage = reader.stage((await reader.read()).record);
    const archived = stage === null ? null : await archivedExecution(stage, runId, workflowRunId);
    if (archived !== null) return archived;
    throw new NoSuchRun(
      runId,
      `The execution ${workflowRunId} of the run "${runId}" is neither in the history that was read nor in an archive on the run's stage.`,
    );
  }

  at(workflowRunId: string): RecordedRun {
    return new RecordedRun(this.history, this.decoder, workflowRunId);
  }
}
