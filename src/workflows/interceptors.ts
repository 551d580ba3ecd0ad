/**
 * Labels everything that workflows send with its purpose, and drops signals between a run and its shards that
 * were not created as such. Each interceptor returns the promise it gets from `next`: an `await` would change
 * the order in which recorded histories are replayed.
 */
import type { WorkflowInterceptors, WorkflowInterceptorsFactory } from '@temporalio/workflow';
import { inputOf, signalOf } from '../core/provenance';
import { label, provenanceOf } from './payload-converter';
import { SHARD_SIGNALS } from './shard-messages';

export const interceptors: WorkflowInterceptorsFactory = (): WorkflowInterceptors => ({
  inbound: [
    {
      handleSignal(input, next) {
        // enforces I13: anyone who reaches the server may send user-facing signals, but not those between a
        // run and its shards.
        const made = SHARD_SIGNALS.has(input.signalName) ? provenanceOf(input.args[0]) : undefined;
        return made === undefined || made === signalOf(input.signalName) ? next(input) : Promise.resolve();
      },
    },
  ],
  outbound: [
    {
      scheduleActivity(input, next) {
        label(input.args[0], inputOf(input.activityType));
        return next(input);
      },
      startChildWorkflowExecution(input, next) {
        label(input.options.args[0], inputOf(input.workflowType));
        return next(input);
      },
      signalWorkflow(input, next) {
        label(input.args[0], signalOf(input.signalName));
        return next(input);
      },
    },
  ],
});
