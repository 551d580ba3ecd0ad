/** Says what everything is for that workflows send, and takes nothing for what it was not made for. */
import {
  ApplicationFailure,
  type WorkflowInterceptors,
  type WorkflowInterceptorsFactory,
} from '@temporalio/workflow';
import { inputOf, signalOf } from '../trust/provenance';
import { label, NOT_A_RESULT, provenanceOf } from './payload-converter';
import { SHARD_SIGNALS } from './shard-messages';

export const interceptors: WorkflowInterceptorsFactory = (): WorkflowInterceptors => ({
  inbound: [
    {
      async handleSignal(input, next) {
        // Between a run and its shards; those of people are open to everybody who reaches the server.
        const made = SHARD_SIGNALS.has(input.signalName) ? provenanceOf(input.args[0]) : undefined;
        if (made === undefined || made === signalOf(input.signalName)) await next(input);
      },
    },
  ],
  outbound: [
    {
      async scheduleActivity(input, next) {
        label(input.args[0], inputOf(input.activityType));
        const result = await next(input);
        if (result !== NOT_A_RESULT) return result;
        throw ApplicationFailure.nonRetryable(
          `What was given for the result of ${input.activityType} is no result of it: it was not written by the project's worker.`,
          'NotTrusted',
        );
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
