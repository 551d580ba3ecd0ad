/** Payloads as JSON: metadata and data in base64, as in Temporal's own JSON. */
import type { Payload } from '@temporalio/common';

export interface PayloadJson {
  metadata?: Record<string, string>;
  data?: string;
}

export function payloadToJson({ metadata, data }: Payload): PayloadJson {
  const encoded = Object.entries(metadata ?? {}).map(([name, value]) => [name, base64(value)]);
  return { metadata: Object.fromEntries(encoded) as Record<string, string>, data: base64(data) };
}

export function payloadFromJson({ metadata = {}, data = '' }: PayloadJson): Payload {
  const decoded = Object.entries(metadata).map(([name, value]) => [name, Buffer.from(value, 'base64')]);
  return { metadata: Object.fromEntries(decoded) as Payload['metadata'], data: Buffer.from(data, 'base64') };
}

function base64(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString('base64');
}
