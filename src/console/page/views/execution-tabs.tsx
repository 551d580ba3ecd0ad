/** The executions of a run as tabs, on the page of each of them. */
import type { RunState } from '../../..';
import { runAddress, runComparisonAddress } from '../address';
import { useAnswer } from '../parts/use-answer';
import type { RunStore } from '../run-store';
import { file } from '../session';
import { time } from '../words';

export function ExecutionTabs({ store, state }: { store: RunStore; state: RunState }) {
  // An execution knows those before it.
  const path = store.execution === null ? null : `runs/${encodeURIComponent(state.runId)}/executions`;
  const executions = useAnswer<RunState['executions']>(path).value ?? state.executions;
  if (executions.length < 2 || file !== null) return null;
  const current = store.execution ?? executions.at(-1)!.workflowRunId;
  return (
    <p class="facts">
      {executions.map(({ workflowRunId, execution, status, startedAt }) => (
        <a
          key={workflowRunId}
          href={`${runAddress(state.runId)}?execution=${workflowRunId}`}
          aria-current={workflowRunId === current}
          title={`${status}, started ${time(startedAt)}`}
        >
          execution {execution ?? '?'}
        </a>
      ))}
      <ExecutionBefore runId={state.runId} executions={executions} current={current} />
    </p>
  );
}

/** The execution before this one: what a retry changed. */
function ExecutionBefore({
  runId,
  executions,
  current,
}: {
  runId: string;
  executions: RunState['executions'];
  current: string;
}) {
  const before = executions[executions.findIndex(({ workflowRunId }) => workflowRunId === current) - 1];
  if (before === undefined) return null;
  return (
    <a href={runComparisonAddress({ runId, execution: before.workflowRunId }, { runId, execution: current })}>
      Compare with execution {before.execution ?? '?'}
    </a>
  );
}
