import type { Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';

export type ListedExecution = temporal.api.workflow.v1.IWorkflowExecutionInfo;

/** The server's list of executions, newest first. It lags a little behind histories. */
export class Visibility {
  constructor(private readonly client: Client) {}

  async *executions(query: string, pageSize = 100): AsyncGenerator<ListedExecution> {
    let token: Uint8Array | null = null;
    do {
      const answer: temporal.api.workflowservice.v1.IListWorkflowExecutionsResponse =
        await this.client.workflowService.listWorkflowExecutions({
          namespace: this.client.options.namespace,
          query,
          pageSize,
          nextPageToken: token,
        });
      yield* answer.executions ?? [];
      token = answer.nextPageToken?.length ? answer.nextPageToken : null;
    } while (token !== null);
  }
}

/** A text as the server's query language writes it. */
export function visibilityText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
