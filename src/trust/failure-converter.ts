/**
 * Moves messages and stacks of errors into payloads, which are encrypted. Temporal's SDK loads this module by
 * its path (see `encrypting`). Workflow code has its own, `workflows/failure-converter.ts`.
 */
import { DefaultFailureConverter } from '@temporalio/common';

export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
