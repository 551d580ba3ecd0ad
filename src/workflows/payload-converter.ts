/**
 * Decodes payloads inside the workflow. An argument that cannot be decoded would be thrown before any code of ours runs, and
 * outside the reach of `failureExceptionTypes` (SDK 1.24): the workflow would stay running for ever on a failing workflow
 * task. So it becomes a text, which `openRun` refuses like any other odd input.
 */
import { DefaultPayloadConverter, type Payload } from '@temporalio/common';

class ForgivingPayloadConverter extends DefaultPayloadConverter {
  // enforces I9
  override fromPayload<T>(payload: Payload): T {
    try {
      return super.fromPayload<T>(payload);
    } catch (error) {
      return `[a payload that cannot be decoded: ${error instanceof Error ? error.message : String(error)}]` as T;
    }
  }
}

export const payloadConverter = new ForgivingPayloadConverter();
