/** Where a run is read from: the server, its archive if it has expired there, or a file. */
import type { Client } from '@temporalio/client';
import { openStage, stageUri } from '../stage';
import { archivedExecution, archivedRun } from './archive/archives';
import { findExecution } from './find-execution';
import { NoSuchRun } from './errors';
import { ServerHistory, type ExecutionHistory, type RecordedHistory } from './histories/execution-history';
import { HistorySource, isInvalidArgument, isNotFound, type Description } from './histories/history-source';
import { runNotFound } from './list';
import { payloadDecoder } from './histories/payloads';
import { Visibility } from './visibility';
import { runIdProblem } from '../input/run-id';
import type { PayloadDecoder } from '../history/events';
import { WORKFLOW_TYPE } from '../core/workflow';

export interface RunSource {
  readonly runId: string;
  readonly decoder: PayloadDecoder;
  /**
   * Temporal's run id of the one execution that is read; null: the run's current execution, determined with
   * every call.
   */
  readonly workflowRunId: string | null;
  /** Throws `NoSuchRun`. */
  locate(): Promise<ExecutionHistory>;
  /** The source for one of the run's executions. */
  at(workflowRunId: string): RunSource;
}

/** A run on the server, or in its archive once it has expired there. */
export class ServerRun implements RunSource {
  readonly #decoder: PayloadDecoder;
  readonly #archiveDecoder: PayloadDecoder;
  #isArchived = false;
  readonly #source: HistorySource;
  readonly #visibility: Visibility;

  /**
   * `archives` is the stage that may have the run's archive, an absolute path or URI; null if none is known.
   */
  constructor(
    private readonly client: Client,
    readonly runId: string,
    readonly workflowRunId: string | null,
    private readonly archives: string | null = null,
  ) {
    const { loadedDataConverter } = client.options;
    this.#decoder = payloadDecoder(loadedDataConverter);
    this.#archiveDecoder = payloadDecoder(loadedDataConverter, { verify: false });
    this.#source = new HistorySource(client);
    this.#visibility = new Visibility(client);
  }

  /** The decoder for the most recently located history. */
  get decoder(): PayloadDecoder {
    return this.#isArchived ? this.#archiveDecoder : this.#decoder;
  }

  at(workflowRunId: string): ServerRun {
    return new ServerRun(this.client, this.runId, workflowRunId, this.archives);
  }

  async locate(): Promise<ExecutionHistory> {
    const found = await this.#onServer();
    this.#isArchived = false;
    // A refused execution ran nothing, and does not hide one that has expired on the server.
    if (found !== null && !found.refused) return this.#run(found.description);
    const archived = await this.#archived();
    // If all executions were refused, the archive may be that of the one that the server has too.
    const latest = found?.description.workflowExecutionInfo?.execution?.runId;
    this.#isArchived = archived !== null && archived.execution.runId !== latest;
    if (archived !== null && this.#isArchived) return archived;
    if (found !== null) return this.#run(found.description);
    throw await runNotFound(this.client, this.runId, this.archives);
  }

  /** Null if the server does not have it (anymore). */
  async #onServer(): Promise<{ description: Description; refused: boolean } | null> {
    const { runId, workflowRunId: execution } = this;
    try {
      return execution === null
        ? await findExecution(this.#source, this.#visibility, this.#decoder, runId)
        : { description: await this.#source.describe(runId, execution), refused: false };
    } catch (error) {
      // No workflow can have an empty id.
      if (isNotFound(error) || isInvalidArgument(error)) return null;
      throw error;
    }
  }

  async #archived(): Promise<RecordedHistory | null> {
    const { runId, workflowRunId: execution, archives } = this;
    if (archives === null || runIdProblem(runId) !== null) return null;
    const stage = openStage(stageUri(archives, '.', null));
    return execution === null
      ? archivedRun(stage, this.#archiveDecoder, runId)
      : archivedExecution(stage, runId, execution);
  }

  #run(description: Description): ServerHistory {
    const type = description.workflowExecutionInfo!.type?.name ?? '';
    if (type === WORKFLOW_TYPE) return new ServerHistory(this.#source, this.runId, description);
    throw new NoSuchRun(
      this.runId,
      `"${this.runId}" is a workflow of type "${type}", not a Partwise run: runs are workflows of type "${WORKFLOW_TYPE}".`,
    );
  }
}
