/**
 * Decodes payloads inside the workflow. An argument that cannot be decoded would be thrown before any code of ours runs, and
 * outside the reach of `failureExceptionTypes` (SDK 1.24): the workflow would stay running for ever on a failing workflow
 * task. So it becomes a text, as one does that is nested too deep to be encoded again, which `openRun` refuses like any other odd input.
 */
import { isDeeperThan } from '../run/json-value';
import { DefaultPayloadConverter, type Payload } from '@temporalio/common';

/** More than any input or result of ours, by far. */
const MOST_LEVELS = 1_000;

class ForgivingPayloadConverter extends DefaultPayloadConverter {
  // enforces I9
  override fromPayload<T>(payload: Payload): T {
    try {
      const value = super.fromPayload<T>(payload);
      // It could not be handed on to an activity: encoding runs out of stack.
      return isDeeperThan(value, MOST_LEVELS)
        ? (`[nested more than ${MOST_LEVELS} levels deep]` as T)
        : value;
    } catch (error) {
      return `[a payload that cannot be decoded: ${error instanceof Error ? error.message : String(error)}]` as T;
    }
  }
}

export const payloadConverter = new ForgivingPayloadConverter();
