import type { Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { WORKFLOW_TYPE } from '../core/workflow';

export type ListedExecution = temporal.api.workflow.v1.IWorkflowExecutionInfo;

/** And of their shards. */
export const SHARD_TYPE = 'partitionShard';

const RUNS = `WorkflowType = '${WORKFLOW_TYPE}'`;
const PAGE = 100;

/** The server's list of executions, newest first. It lags a little behind histories. */
export class Visibility {
  constructor(private readonly client: Client) {}

  /** Executions of all runs. */
  runs(): AsyncGenerator<ListedExecution> {
    return this.#executions(RUNS);
  }

  /** Executions of one run id. */
  async *runsOf(runId: string): AsyncGenerator<ListedExecution> {
    // However it is quoted, the server finds no id that has a quote, a backslash or a control character in it, and a NUL ends the query
    // (tried with 1.32 on SQLite). Anybody can start a workflow of such an id.
    const query = /["\\\p{Cc}]/u.test(runId)
      ? RUNS
      : `WorkflowId = '${runId.replaceAll("'", "''")}' AND ${RUNS}`;
    for await (const listed of this.#executions(query)) {
      if (listed.execution?.workflowId === runId) yield listed;
    }
  }

  async *#executions(query: string): AsyncGenerator<ListedExecution> {
    const { namespace } = this.client.options;
    let nextPageToken: Uint8Array | null = null;
    do {
      const request = { namespace, query, pageSize: PAGE, nextPageToken };
      const answer: temporal.api.workflowservice.v1.IListWorkflowExecutionsResponse =
        await this.client.workflowService.listWorkflowExecutions(request);
      yield* answer.executions ?? [];
      nextPageToken = answer.nextPageToken?.length ? answer.nextPageToken : null;
    } while (nextPageToken !== null);
  }
}
