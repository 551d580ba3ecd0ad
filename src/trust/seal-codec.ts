/**
 * Seals the payloads of the embedded server with additional metadata: an authentication code over the
 * workflow and activity that a payload belongs to, its purpose, and its content. Encoding and data do not
 * change, so Temporal's own tools can still read payloads.
 *
 * Anyone who can reach the server's port can complete, fail or schedule activities. So an activity's payload
 * without a valid seal is not decoded: the workflow or activity task fails, and `onForged` ends the run. A
 * workflow's input, signals and queries are open to everyone: their payloads are only marked, and workflow
 * code checks the mark where it matters.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type {
  ActivitySerializationContext,
  DataConverter,
  Payload,
  PayloadCodec,
  SerializationContext,
} from '@temporalio/common';
import { isInput, LABEL, resultOf, SEAL, UNSEALED } from '../core/provenance';
import type { ProjectSecret } from './secret';

/** The context of a payload in a recorded history. */
export interface RecordedContext extends ActivitySerializationContext {
  /** When it was recorded, in milliseconds since the epoch by the server's clock. */
  recordedAt: number;
}

/** An activity's payload was not written by the project's worker. */
export class NotSealed extends Error {
  override name = 'NotSealed';
  constructor(readonly context: ActivitySerializationContext) {
    super(
      `The input or result of the activity "${context.activityId}" of "${context.workflowId}" was not written by the project's worker, or was sealed with a secret other than the project's.`,
    );
  }
}

export interface SealOptions {
  secret: ProjectSecret;
  /**
   * Returns the type of the activity that is running here, where its results are encoded. Absent where no
   * activities run.
   */
  runningActivity?: () => string | null;
  /** Called before `NotSealed` is thrown, except when a recorded history is read. */
  onForged?: (context: ActivitySerializationContext) => void;
}

/** A data converter that seals what `inner` encodes. */
export function sealing(
  inner: DataConverter | undefined,
  options: SealOptions,
): { dataConverter: DataConverter; codec: SealCodec } {
  const codec = new SealCodec(options, inner?.payloadCodecs ?? []);
  return { dataConverter: { ...inner, payloadCodecs: [codec] }, codec };
}

export class SealCodec implements PayloadCodec {
  /** Labels of decoded inputs whose activity has not started, by activity. */
  readonly #inputs = new Map<string, string>();

  constructor(
    private readonly options: SealOptions,
    /** In the order in which they encode, as in the SDK. */
    private readonly inner: readonly PayloadCodec[],
  ) {}

  async encode(payloads: Payload[], context?: SerializationContext): Promise<Payload[]> {
    const labels = payloads.map((payload) => labelOf(payload) ?? this.#ownLabel(context));
    let encoded = payloads.map(withoutOurs);
    for (const codec of this.inner) encoded = await codec.encode(encoded, context);
    if (context?.workflowId === undefined) return encoded;
    return encoded.map((payload, i) => this.#seal(payload, context, labels[i] ?? ''));
  }

  async decode(payloads: Payload[], context?: SerializationContext): Promise<Payload[]> {
    const labels = payloads.map((payload) => this.#check(payload, context));
    if (context?.type === 'activity' && !isRecorded(context)) this.#note(context, labels);
    let decoded = payloads.map(withoutOurs);
    const theirs = context !== undefined && isRecorded(context) ? undefined : context;
    for (const codec of [...this.inner].reverse()) decoded = await codec.decode(decoded, theirs);
    return decoded.map((payload, i) => marked(payload, labels[i]));
  }

  /** Returns once the label of the input that was last decoded for an activity, or null if there is none. */
  takeInput(workflowId: string, activityId: string): string | null {
    const key = keyOf(workflowId, activityId);
    const label = this.#inputs.get(key) ?? null;
    this.#inputs.delete(key);
    return label;
  }

  /**
   * Results are encoded within the activity and get its label; heartbeats and payloads of workflows get none.
   */
  #ownLabel(context: SerializationContext | undefined): string {
    const type = context?.type === 'activity' ? (this.options.runningActivity?.() ?? null) : null;
    return type === null ? '' : resultOf(type);
  }

  #note(
    { workflowId, activityId }: ActivitySerializationContext,
    labels: (string | null | undefined)[],
  ): void {
    const key = keyOf(workflowId, activityId);
    const [label] = labels;
    const before = this.#inputs.get(key);
    // enforces I13: if two different inputs of one activity are decoded at the same time, neither counts,
    // since they cannot be distinguished.
    if (labels.length !== 1 || label == null || !isInput(label) || (before ?? label) !== label)
      this.#inputs.delete(key);
    else this.#inputs.set(key, label);
  }

  #seal(payload: Payload, context: SerializationContext, label: string): Payload {
    const metadata = { ...payload.metadata, [LABEL]: Buffer.from(label) };
    return { ...payload, metadata: { ...metadata, [SEAL]: this.#code({ ...payload, metadata }, context) } };
  }

  /**
   * The label of a payload with a valid seal; null without one; undefined if it is not known which workflow
   * it belongs to, or it is older than the secret.
   */
  #check(payload: Payload, context: SerializationContext | undefined): string | null | undefined {
    if (context?.workflowId === undefined) return undefined;
    const seal = payload.metadata?.[SEAL];
    if (seal != null) {
      const expected = this.#code(payload, context);
      if (seal.length === expected.length && timingSafeEqual(seal, expected)) return labelOf(payload) ?? '';
    }
    if (context.type === 'workflow' || isNotStarted(payload)) return null;
    // enforces I13
    if (!isRecorded(context)) this.options.onForged?.(context);
    else if (context.recordedAt < this.options.secret.createdAt) return undefined;
    throw new NotSealed(context);
  }

  #code({ metadata, data }: Payload, context: SerializationContext): Buffer {
    const activity = context.type === 'activity' ? (context.activityId ?? null) : null;
    const hmac = createHmac('sha256', this.options.secret.key);
    const fields = Object.entries(metadata ?? {})
      .filter(([name]) => name !== SEAL)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => [name, Buffer.from(value ?? []).toString('base64')]);
    hmac.update(JSON.stringify(['partwise payload', 1, context.type, context.workflowId, activity, fields]));
    // On the wire, empty bytes become an empty array.
    return hmac.update(ArrayBuffer.isView(data) ? data : Buffer.from(data ?? [])).digest();
  }
}

/**
 * The only payload that the server itself writes: the details of an activity that was cancelled before a
 * worker took it. Anyone can write it, so it is marked as unsealed, and no result or input of ours is a text.
 */
function isNotStarted({ metadata, data }: Payload): boolean {
  const { encoding, ...others } = metadata ?? {};
  return (
    Object.keys(others).length === 0 &&
    Buffer.from(encoding ?? []).toString() === 'json/plain' &&
    Buffer.from(data ?? []).toString() === '"ACTIVITY_ID_NOT_STARTED"'
  );
}

function isRecorded(context: SerializationContext): context is RecordedContext {
  return 'recordedAt' in context;
}

function labelOf({ metadata }: Payload): string | null {
  const label = metadata?.[LABEL];
  return label == null ? null : Buffer.from(label).toString();
}

function withoutOurs(payload: Payload): Payload {
  const metadata = { ...payload.metadata };
  for (const name of [LABEL, SEAL, UNSEALED]) delete metadata[name];
  return { ...payload, metadata };
}

function marked(payload: Payload, label: string | null | undefined): Payload {
  if (label === undefined) return payload;
  const mark: Payload['metadata'] =
    label === null ? { [UNSEALED]: new Uint8Array() } : { [LABEL]: Buffer.from(label) };
  return { ...payload, metadata: { ...payload.metadata, ...mark } };
}

function keyOf(workflowId: string | undefined, activityId: string | undefined): string {
  return JSON.stringify([workflowId, activityId]);
}
