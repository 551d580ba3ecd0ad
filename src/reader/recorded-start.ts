/** How an execution was started, according to its first event on the server, which cannot be changed. */
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { payloadDecoder } from './histories/payloads';
import { PROOF_HEADER } from '../trust/start-proof';

export interface RecordedStart {
  /** From the header; null if it has none. */
  proof: unknown;
  /** The workflow's argument; null if it cannot be decoded. */
  input(): Promise<unknown>;
}

/** `runId` is Temporal's id of the execution; absent: the latest execution. */
export async function recordedStart(
  client: Client,
  execution: { workflowId: string; runId?: string },
): Promise<RecordedStart> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution,
    maximumPageSize: 1,
  });
  const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
  const decoder = payloadDecoder(client.options.loadedDataConverter);
  return {
    proof: proofIn(started?.header?.fields?.[PROOF_HEADER]),
    input: async () => (await decoder.values(started?.input).catch(() => []))[0] ?? null,
  };
}

function proofIn(header: Payload | null | undefined): unknown {
  if (header == null) return null;
  try {
    return defaultPayloadConverter.fromPayload(header);
  } catch {
    // A header exists, but proves nothing.
    return undefined;
  }
}
