import type { Client } from '@temporalio/client';
import type { RunInput } from '../run/input';
import { FUNCTION_MEMO } from '../run/memo';
import { parseRunInput } from '../run/parse-input';
import { defaultRunId, runIdProblem } from '../run/run-id';
import { StartRefused } from './errors';
import { WORKFLOW_TYPE } from './visibility';

/**
 * Starts a run's workflow. Resolves with its ids once the server has accepted it; throws `StartRefused` for what can be known
 * before.
 */
export async function startRun(
  client: Client,
  taskQueue: string,
  input: RunInput,
  wantedId?: string,
): Promise<{ runId: string; workflowRunId: string }> {
  // enforces I9: every problem at once, and nothing is started.
  const parsed = parseRunInput(input);
  const problems = [...(parsed.ok ? [] : parsed.problems), ...laterModes(input)];
  const badId = wantedId === undefined ? null : runIdProblem(wantedId);
  if (badId !== null) problems.unshift(badId);
  if (problems.length > 0) throw new StartRefused('InvalidInput', problems);

  const runId = wantedId ?? defaultRunId(input.function);
  try {
    const handle = await client.workflow.start(WORKFLOW_TYPE, {
      workflowId: runId,
      taskQueue,
      args: [input],
      // A refused run started nothing: its id may be used again. What is left to tell apart, openRun does.
      workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
      workflowIdConflictPolicy: 'FAIL',
      staticSummary: summaryOf(input),
      memo: { [FUNCTION_MEMO]: input.function },
    });
    return { runId, workflowRunId: handle.firstExecutionRunId };
  } catch (error) {
    throw isAlreadyStarted(error) ? runExists(runId) : error;
  }
}

function laterModes(input: RunInput | null | undefined): string[] {
  const onExisting = input?.onExisting;
  if (onExisting !== 'overwrite' && onExisting !== 'resume') return [];
  return [
    `"onExisting" is "${onExisting}", which this release cannot do yet: leave it out (or "error"), and give the run an id of its own.`,
  ];
}

function runExists(runId: string): StartRefused {
  return new StartRefused('RunExists', [
    `There is a run "${runId}" already: look at it with partwise status ${runId}, or start this one under another id.`,
  ]);
}

/** What Temporal's UI shows beside the workflow. */
function summaryOf({ function: name, source, partitionBy }: RunInput): string {
  const from = 'table' in source ? source.table : 'query' in source ? 'a query' : source.files;
  const each = partitionBy === undefined || partitionBy.length === 0 ? 'file' : partitionBy.join(', ');
  return `${name} for each ${each} of ${from}`.slice(0, 200);
}

function isAlreadyStarted(error: unknown): boolean {
  return error instanceof Error && error.name === 'WorkflowExecutionAlreadyStartedError';
}
