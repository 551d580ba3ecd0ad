/**
 * Encrypts payloads before they leave this process: inputs, results, heartbeats, memos, queries and the
 * messages of errors. The form is that of the encryption samples of Temporal's SDKs, so that their codec
 * servers can decode it with the same key: AES-256-GCM over the encoded payload; 12 bytes of nonce, the
 * ciphertext, 16 bytes of tag; the key's id in the metadata.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { DataConverter, Payload, PayloadCodec, SerializationContext } from '@temporalio/common';
import { ENCRYPTED, UNDECODABLE } from '../core/provenance';
import { KeyUnavailable, noSuchKey, type PayloadKey, type PayloadKeys } from './payload-keys';

const ENCODING = Buffer.from('binary/encrypted');
const KEY_ID = 'encryption-key-id';
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * A data converter that encrypts what `inner` encodes. Without keys, it encrypts nothing, and explains what
 * it cannot read.
 */
export function encrypting(inner: DataConverter | undefined, keys: PayloadKeys): DataConverter {
  const theirs = inner?.payloadCodecs ?? [];
  // Codecs decode from the last to the first. One of the project may have written the same encoding.
  if (keys.isEmpty) return { ...inner, payloadCodecs: [new WithoutKeys(), ...theirs] };
  return {
    ...inner,
    failureConverterPath: require.resolve('./failure-converter'),
    payloadCodecs: [...theirs, new EncryptionCodec(keys)],
  };
}

/**
 * For workers. What a workflow receives from outside and cannot be decrypted becomes a text that says so,
 * which is refused like any other invalid input (I9). A result that cannot be decrypted fails the workflow
 * task instead, which Temporal repeats until a worker has the key. What was encrypted is marked as such, so
 * that workflow code encrypts the messages of its errors too.
 */
export function forWorkflows(converter: DataConverter | undefined): DataConverter | undefined {
  if (converter?.payloadCodecs === undefined) return converter;
  return { ...converter, payloadCodecs: converter.payloadCodecs.map((codec) => new WorkflowCodec(codec)) };
}

class WorkflowCodec implements PayloadCodec {
  constructor(private readonly inner: PayloadCodec) {}

  encode(payloads: Payload[], context?: SerializationContext): Promise<Payload[]> {
    return this.inner.encode(payloads, context);
  }

  async decode(payloads: Payload[], context?: SerializationContext): Promise<Payload[]> {
    try {
      const decoded = await this.inner.decode(payloads, context);
      return decoded.map((payload, i) => (keyIdOf(payloads[i]!) === null ? payload : marked(payload)));
    } catch (error) {
      if (!(error instanceof KeyUnavailable) || context?.type !== 'workflow') throw error;
      const text = JSON.stringify(`${UNDECODABLE}${error.message}]`);
      return payloads.map(() => ({
        metadata: { encoding: Buffer.from('json/plain') },
        data: Buffer.from(text),
      }));
    }
  }
}

function marked(payload: Payload): Payload {
  return { ...payload, metadata: { ...payload.metadata, [ENCRYPTED]: new Uint8Array() } };
}

export class EncryptionCodec implements PayloadCodec {
  constructor(private readonly keys: PayloadKeys) {}

  async encode(payloads: Payload[]): Promise<Payload[]> {
    const key = await this.keys.current();
    return payloads.map((payload) => encrypted(payload, key));
  }

  /** What is not encrypted stays as it is: an input may come from `temporal workflow start`. */
  decode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.all(
      payloads.map(async (payload) => {
        const id = keyIdOf(payload);
        return id === null ? payload : decrypted(payload, await this.keys.named(id));
      }),
    );
  }
}

/** Reads what nobody encrypted. */
class WithoutKeys implements PayloadCodec {
  async encode(payloads: Payload[]): Promise<Payload[]> {
    return payloads;
  }

  async decode(payloads: Payload[]): Promise<Payload[]> {
    for (const payload of payloads) {
      const id = keyIdOf(payload);
      if (id !== null) throw noSuchKey(id, []);
    }
    return payloads;
  }
}

/** The id of the key that encrypted a payload; null if nothing did. */
function keyIdOf({ metadata }: Payload): string | null {
  if (!ENCODING.equals(Buffer.from(metadata?.['encoding'] ?? []))) return null;
  return Buffer.from(metadata?.[KEY_ID] ?? []).toString();
}

function encrypted(payload: Payload, { id, bytes }: PayloadKey): Payload {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, bytes, nonce);
  const content = protoPayload().encode(payload).finish();
  const data = Buffer.concat([nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
  return { metadata: { encoding: ENCODING, [KEY_ID]: Buffer.from(id) }, data };
}

function decrypted({ data }: Payload, { id, bytes }: PayloadKey): Payload {
  const all = Buffer.from(data ?? []);
  try {
    const decipher = createDecipheriv(CIPHER, bytes, all.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAuthTag(all.subarray(-TAG_BYTES));
    const content = all.subarray(NONCE_BYTES, -TAG_BYTES);
    return protoPayload().decode(Buffer.concat([decipher.update(content), decipher.final()]));
  } catch {
    throw new KeyUnavailable(
      `This cannot be decrypted with the key "${id}": the key is another one than the one of that name that encrypted it, or the content was changed. Check the key "${id}" of temporal.encryption.`,
    );
  }
}

/** Loaded lazily: Temporal's messages take a tenth of a second, which only what is encrypted should spend. */
function protoPayload(): typeof import('@temporalio/proto').temporal.api.common.v1.Payload {
  const { temporal }: typeof import('@temporalio/proto') = require('@temporalio/proto');
  return temporal.api.common.v1.Payload;
}
