/**
 * Decodes payloads inside the workflow. An argument that cannot be decoded would be thrown before any code of
 * ours runs, and outside the reach of `failureExceptionTypes` (SDK 1.24): the workflow would stay running for
 * ever on a failing workflow task. So it becomes a text, as one does that is nested too deep to be encoded
 * again, which `openRun` refuses like any other odd input.
 *
 * Payloads of the embedded server say what they were made for (see `trust/seal-codec.ts`): values get their
 * label on the way out, and keep it on the way in.
 */
import {
  ApplicationFailure,
  DefaultPayloadConverter,
  type Payload,
  type SerializationContext,
} from '@temporalio/common';
import { decode, encode } from '@temporalio/common/lib/encoding';
import { isDeeperThan } from '../core/json-value';
import { isResult, LABEL, UNSEALED } from '../core/provenance';

/**
 * Stands for the result of an activity that was written as something else: a promise that is to resolve with
 * it rejects.
 */
const NOT_A_RESULT: object = Object.freeze({
  // oxlint-disable-next-line unicorn/no-thenable -- that it is one is what it is for
  get then(): never {
    throw ApplicationFailure.nonRetryable(
      "The result recorded for an activity was not written by the project's worker, so it is not trusted.",
      'NotTrusted',
    );
  },
});

/** What values are for that go out, and what values were for that came in. */
const outgoing = new WeakMap<object, string>();
const incoming = new WeakMap<object, string | null>();

/** Says what a value is for, before it is encoded. */
export function label(value: unknown, what: string): void {
  if (isObject(value)) outgoing.set(value, what);
}

/**
 * What a value that came in was made for; null: it bears no valid seal; undefined: nothing here is sealed.
 */
export function provenanceOf(value: unknown): string | null | undefined {
  return isObject(value) ? incoming.get(value) : undefined;
}

/** More than any input or result of ours, by far. */
const MAX_LEVELS = 1_000;

class ForgivingPayloadConverter extends DefaultPayloadConverter {
  override toPayload<T>(value: T, context?: SerializationContext): Payload {
    const payload = super.toPayload(value, context);
    const what = isObject(value) ? outgoing.get(value) : undefined;
    if (what === undefined) return payload;
    return { ...payload, metadata: { ...payload.metadata, [LABEL]: encode(what) } };
  }

  override fromPayload<T>(payload: Payload, context?: SerializationContext): T {
    const what = labelIn(payload);
    // enforces I13: by the label alone, which history has, so every replay decides the same.
    if (context?.type === 'activity' && what != null && what !== '' && !isResult(what))
      return NOT_A_RESULT as T;
    try {
      const value = super.fromPayload<T>(payload, context);
      // It could not be handed on to an activity: encoding runs out of stack.
      if (isDeeperThan(value, MAX_LEVELS)) return `[nested more than ${MAX_LEVELS} levels deep]` as T;
      if (what !== undefined && isObject(value)) incoming.set(value, what);
      return value;
    } catch (error) {
      // enforces I9
      return `[a payload that cannot be decoded: ${error instanceof Error ? error.message : String(error)}]` as T;
    }
  }
}

function labelIn({ metadata }: Payload): string | null | undefined {
  if (metadata?.[UNSEALED] != null) return null;
  const bytes = metadata?.[LABEL];
  return bytes == null ? undefined : decode(bytes);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

export const payloadConverter = new ForgivingPayloadConverter();
