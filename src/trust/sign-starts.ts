/** Adds a start proof to every run that a client starts and every schedule that it creates. */
import type { ClientInterceptors } from '@temporalio/client';
import { defaultPayloadConverter, type Headers } from '@temporalio/common';
import type { ProjectSecret } from './secret';
import { PROOF_HEADER, startProof } from './start-proof';
import { WORKFLOW_TYPE } from '../core/workflow';

export function signingStarts(secret: ProjectSecret): ClientInterceptors {
  const signed = (headers: Headers, ...of: SignedStart): Headers => ({
    ...headers,
    [PROOF_HEADER]: defaultPayloadConverter.toPayload(startProof(secret, ...of)),
  });
  return {
    workflow: [
      {
        startWithDetails: (input, next) => {
          if (input.workflowType !== WORKFLOW_TYPE) return next(input);
          const { workflowId, args } = input.options;
          return next({ ...input, headers: signed(input.headers, 'run', workflowId, args[0]) });
        },
      },
    ],
    schedule: [
      {
        create: (input, next) => {
          const { action } = input.options;
          if (action.workflowType !== WORKFLOW_TYPE) return next(input);
          const { workflowId, args } = action;
          // Without a workflow id in the action, the runs' ids cannot be predicted.
          if (workflowId === undefined) return next(input);
          return next({ ...input, headers: signed(input.headers, 'schedule', workflowId, args[0]) });
        },
      },
    ],
  };
}

type SignedStart = [kind: 'run' | 'schedule', id: string, input: unknown];
