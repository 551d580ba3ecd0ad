/**
 * Says what everything is for that workflows send, and lets no signal between a run and its shards through
 * that was not made for one. Each hands on the promise that it is given: an `await` would change the order in
 * which recorded histories are replayed.
 */
import type { WorkflowInterceptors, WorkflowInterceptorsFactory } from '@temporalio/workflow';
import { inputOf, signalOf } from '../core/provenance';
import { label, provenanceOf } from './payload-converter';
import { SHARD_SIGNALS } from './shard-messages';

export const interceptors: WorkflowInterceptorsFactory = (): WorkflowInterceptors => ({
  inbound: [
    {
      handleSignal(input, next) {
        // enforces I13: signals of people are open to everybody who reaches the server, those between a run
        // and its shards are not.
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
