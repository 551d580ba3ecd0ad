import type { Client } from '@temporalio/client';
import type { RunInput, RetryInput } from '../core/input';
import { shellWord } from '../core/shell-word';
import { FUNCTION_MEMO, WORKFLOW_TYPE } from '../core/workflow';
import { withFunctionsFile } from '../core/function-reference';
import { parseRunInput } from '../input/parse-input';
import { defaultRunId, runIdProblem } from '../input/run-id';
import { StartRefused } from '../reader/errors';

/**
 * Starts a run's workflow, and resolves with its ids once the server has accepted it. Throws `StartRefused`
 * for problems that can be detected here.
 */
export async function startRun(
  client: Client,
  taskQueue: string,
  given: RunInput,
  wantedId?: string,
): Promise<StartedRun> {
  const input = withFunctionsFile(given);
  // enforces I9: reports every problem together, and starts nothing.
  const parsed = parseRunInput(input);
  const problems = parsed.ok ? [] : [...parsed.problems];
  const badId = wantedId === undefined ? null : runIdProblem(wantedId);
  if (badId !== null) problems.unshift(badId);
  if (problems.length > 0) throw new StartRefused('InvalidInput', problems);
  const isNew = (input.onExisting ?? 'error') === 'error';
  return startWorkflow(client, {
    runId: wantedId ?? defaultRunId(input.function),
    taskQueue,
    input,
    summary: workflowSummary(input),
    functionName: input.function,
    // A refused run started nothing, so its id may be reused. `openRun` handles the remaining cases.
    reuse: isNew ? 'ALLOW_DUPLICATE_FAILED_ONLY' : 'ALLOW_DUPLICATE',
  });
}

/**
 * Starts an execution that continues a run: it runs the partitions that are not DONE, on the rows that the
 * run pinned.
 */
export function startContinuation(
  client: Client,
  taskQueue: string,
  runId: string,
  functionName: string | null,
  changes: RetryInput & Pick<RunInput, 'stage'>,
): Promise<StartedRun> {
  return startWorkflow(client, {
    runId,
    taskQueue,
    input: { ...changes, onExisting: 'retry' },
    summary: `retry of ${runId}`.slice(0, 200),
    functionName,
    reuse: 'ALLOW_DUPLICATE',
  });
}

interface StartedRun {
  runId: string;
  workflowRunId: string;
}

async function startWorkflow(
  client: Client,
  start: {
    runId: string;
    taskQueue: string;
    input: object;
    summary: string;
    functionName: string | null;
    reuse: 'ALLOW_DUPLICATE' | 'ALLOW_DUPLICATE_FAILED_ONLY';
  },
): Promise<StartedRun> {
  const { runId, taskQueue, input, summary, functionName, reuse } = start;
  try {
    const handle = await client.workflow.start(WORKFLOW_TYPE, {
      workflowId: runId,
      taskQueue,
      args: [input],
      workflowIdReusePolicy: reuse,
      workflowIdConflictPolicy: 'FAIL',
      staticSummary: summary,
      ...(functionName !== null && { memo: { [FUNCTION_MEMO]: functionName } }),
    });
    return { runId, workflowRunId: handle.firstExecutionRunId };
  } catch (error) {
    if (!isAlreadyStarted(error)) throw error;
    throw reuse === 'ALLOW_DUPLICATE' ? stillRunning(runId) : runExists(runId);
  }
}

function runExists(runId: string): StartRefused {
  return new StartRefused('RunExists', [
    `The run "${runId}" already exists: partwise status ${shellWord(runId)} shows it. Start this run with another id.`,
  ]);
}

export function stillRunning(runId: string): StartRefused {
  return new StartRefused('RunExists', [
    `The run "${runId}" is still running: follow it with partwise watch ${shellWord(runId)}, or stop it first with partwise cancel ${shellWord(runId)}.`,
  ]);
}

/** The summary that Temporal's UI shows for the workflow. */
export function workflowSummary({ function: name, source, partitionBy }: RunInput): string {
  const from = 'table' in source ? source.table : 'query' in source ? 'a query' : source.files;
  const each = partitionBy === undefined || partitionBy.length === 0 ? 'file' : partitionBy.join(', ');
  return `${name} for each ${each} of ${from}`.slice(0, 200);
}

function isAlreadyStarted(error: unknown): boolean {
  return error instanceof Error && error.name === 'WorkflowExecutionAlreadyStartedError';
}
