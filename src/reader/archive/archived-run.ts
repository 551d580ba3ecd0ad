/** A run that is read from its archives on a stage, without a server. */
import type { PayloadDecoder } from '../../history/events';
import { runIdProblem } from '../../input/run-id';
import type { Stage } from '../../stage';
import { NoSuchRun } from '../errors';
import type { RecordedHistory } from '../histories/execution-history';
import type { RunSource } from '../run-source';
import { archivedExecution, archivedRun } from './archives';

export class ArchivedRun implements RunSource {
  constructor(
    private readonly stage: Stage,
    readonly decoder: PayloadDecoder,
    readonly runId: string,
    readonly workflowRunId: string | null = null,
  ) {}

  async locate(): Promise<RecordedHistory> {
    const { stage, decoder, runId, workflowRunId } = this;
    const found =
      runIdProblem(runId) !== null
        ? null
        : workflowRunId === null
          ? await archivedRun(stage, decoder, runId)
          : await archivedExecution(stage, runId, workflowRunId);
    if (found !== null) return found;
    const what = workflowRunId === null ? 'the run' : `the execution ${workflowRunId} of the run`;
    throw new NoSuchRun(
      runId,
      `The stage ${stage.uri} has no archive of ${what} "${runId}". A run is archived when it ends; those in progress are only on their server.`,
    );
  }

  at(workflowRunId: string): ArchivedRun {
    return new ArchivedRun(this.stage, this.decoder, this.runId, workflowRunId);
  }
}
