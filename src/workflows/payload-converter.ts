/**
 * Decodes payloads inside the workflow. An argument that cannot be decoded would throw before any of our code
 * runs, out of reach of `failureExceptionTypes` (SDK 1.24): the workflow would keep running with a workflow
 * task that fails forever. Such an argument is replaced by a string, as is one nested too deep to be encoded
 * again; `openRun` refuses it like any other invalid input.
 *
 * On the embedded server, payloads record what they were created for (see `trust/seal-codec.ts`): values get
 * a label on the way out, and keep it on the way in.
 */
import {
  ApplicationFailure,
  DefaultPayloadConverter,
  type Payload,
  type SerializationContext,
} from '@temporalio/common';
import { decode, encode } from '@temporalio/common/lib/encoding';
import { isDeeperThan } from '../core/json-value';
import { ENCRYPTED, isResult, LABEL, UNDECODABLE, UNSEALED } from '../core/provenance';

/**
 * Replaces an activity result that was written as something else: a promise that is resolved with it rejects.
 */
const NOT_A_RESULT: object = Object.freeze({
  // oxlint-disable-next-line unicorn/no-thenable -- being a thenable is its purpose
  get then(): never {
    throw ApplicationFailure.nonRetryable(
      "The result recorded for an activity was not written by the project's worker, so it is not trusted.",
      'NotTrusted',
    );
  },
});

/** Labels of outgoing values, and labels of incoming values. */
const outgoing = new WeakMap<object, string>();
const incoming = new WeakMap<object, string | null>();

/** Labels a value with its purpose, before it is encoded. */
export function label(value: unknown, what: string): void {
  if (isObject(value)) outgoing.set(value, what);
}

/**
 * What an incoming value was created for; null if it has no valid seal; undefined if payloads are not sealed
 * here.
 */
export function provenanceOf(value: unknown): string | null | undefined {
  return isObject(value) ? incoming.get(value) : undefined;
}

let encrypted = false;

/** Whether the run's payloads are encrypted, by those that it has received. */
export function isEncrypted(): boolean {
  return encrypted;
}

export function noteEncrypted(): void {
  encrypted = true;
}

/** Far more than any valid input or result has. */
const MAX_LEVELS = 1_000;

class ForgivingPayloadConverter extends DefaultPayloadConverter {
  override toPayload<T>(value: T, context?: SerializationContext): Payload {
    const payload = super.toPayload(value, context);
    const what = isObject(value) ? outgoing.get(value) : undefined;
    if (what === undefined) return payload;
    return { ...payload, metadata: { ...payload.metadata, [LABEL]: encode(what) } };
  }

  override fromPayload<T>(payload: Payload, context?: SerializationContext): T {
    if (payload.metadata?.[ENCRYPTED] != null) noteEncrypted();
    const what = labelIn(payload);
    // enforces I13: decided by the label alone, which is in history, so every replay decides the same.
    if (context?.type === 'activity' && what != null && what !== '' && !isResult(what))
      return NOT_A_RESULT as T;
    try {
      const value = super.fromPayload<T>(payload, context);
      // It could not be passed to an activity: encoding would run out of stack.
      if (isDeeperThan(value, MAX_LEVELS)) return `[nested more than ${MAX_LEVELS} levels deep]` as T;
      if (what !== undefined && isObject(value)) incoming.set(value, what);
      return value;
    } catch (error) {
      // enforces I9
      return `${UNDECODABLE}${error instanceof Error ? error.message : String(error)}]` as T;
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
