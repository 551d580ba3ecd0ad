import type { Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { WORKFLOW_TYPE } from '../core/workflow';

export type ListedExecution = temporal.api.workflow.v1.IWorkflowExecutionInfo;

/** And of their shards. */
export const SHARD_TYPE = 'partitionShard';

const RUNS = `WorkflowType = '${WORKFLOW_TYPE}'`;
const PAGE = 100;
/** Run ids in one query. */
const IDS_AT_ONCE = 50;

/** The server's list of executions. It lags a little behind histories. */
export class Visibility {
  constructor(private readonly client: Client) {}

  /** Executions of all runs. */
  runs(): AsyncGenerator<ListedExecution> {
    return this.#all([]);
  }

  /** Executions of these run ids; those of one are the newest first. */
  async *runsOf(runIds: readonly string[]): AsyncGenerator<ListedExecution> {
    const wanted = new Set(runIds);
    const plain = [...wanted].filter((runId) => !isOdd(runId));
    for (let i = 0; i < plain.length; i += IDS_AT_ONCE)
      yield* this.#all([
        `WorkflowId IN (${plain
          .slice(i, i + IDS_AT_ONCE)
          .map(quoted)
          .join(', ')})`,
      ]);
    if (plain.length === wanted.size) return;
    for await (const listed of this.#all([])) {
      const runId = listed.execution?.workflowId ?? '';
      if (wanted.has(runId) && isOdd(runId)) yield listed;
    }
  }

  /**
   * A page of executions: those in progress first, the newest first; then those that have ended, the latest
   * end first.
   */
  async page(
    conditions: readonly string[],
    pageSize: number,
    nextPageToken: Uint8Array | null,
  ): Promise<{ executions: ListedExecution[]; next: Uint8Array | null }> {
    const { namespace } = this.client.options;
    const query = [RUNS, ...conditions].join(' AND ');
    const answer: temporal.api.workflowservice.v1.IListWorkflowExecutionsResponse =
      await this.client.workflowService.listWorkflowExecutions({ namespace, query, pageSize, nextPageToken });
    const next = answer.nextPageToken?.length ? answer.nextPageToken : null;
    return { executions: answer.executions ?? [], next };
  }

  async *#all(conditions: readonly string[]): AsyncGenerator<ListedExecution> {
    let token: Uint8Array | null = null;
    do {
      const page = await this.page(conditions, PAGE, token);
      yield* page.executions;
      token = page.next;
    } while (token !== null);
  }
}

/** A value in a query. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * However it is quoted, the server finds no id that has a quote, a backslash or a control character in it,
 * and a NUL ends the query (tried with 1.32 on SQLite). Anybody can start a workflow of such an id.
 */
function isOdd(runId: string): boolean {
  return /["\\\p{Cc}]/u.test(runId);
}
