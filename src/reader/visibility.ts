import type { Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { WORKFLOW_TYPE } from '../core/workflow';

export type ListedExecution = temporal.api.workflow.v1.IWorkflowExecutionInfo;

/** The workflow type of shards. */
export const SHARD_TYPE = 'partitionShard';

const RUNS = `WorkflowType = '${WORKFLOW_TYPE}'`;
const PAGE = 100;
/** Maximum number of run ids in one query. */
const IDS_AT_ONCE = 50;

/** The server's list of executions. It lags slightly behind histories. */
export class Visibility {
  constructor(private readonly client: Client) {}

  /** Executions of all runs, or of those whose ids begin with `prefix`. */
  runs(prefix = ''): AsyncGenerator<ListedExecution> {
    return this.#all(startingWith(prefix));
  }

  /** Executions of these run ids, newest first for each id. */
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
   * A page of executions: those in progress first, newest first; then ended ones, latest end first.
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

/** The condition for run ids that begin like this; none if the server could not find them. */
export function startingWith(prefix: string): string[] {
  return prefix === '' || isOdd(prefix) ? [] : [`WorkflowId STARTS_WITH ${quoted(prefix)}`];
}

/** A value in a query. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * Whether a run id, or its beginning, cannot be queried: however it is quoted, the server does not find ids
 * with a quote, a backslash or a control character, and a NUL ends the query (tested with 1.32 on SQLite).
 * Anyone can start a workflow with such an id.
 */
function isOdd(runId: string): boolean {
  return /["\\\p{Cc}]/u.test(runId);
}
