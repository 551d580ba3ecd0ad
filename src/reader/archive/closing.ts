/** The end of a run that was archived just before it. */
import type { LoadedDataConverter } from '@temporalio/common';
import type { Closing } from '../../core/opened-run';
import type { PayloadDecoder } from '../../history/events';
import { payloadFromJson, payloadToJson, type PayloadJson } from '../../trust/payload-json';

export interface ArchivedClosing extends Closing {
  /** ISO 8601 UTC. */
  at: string;
}

/** As it is in an archive: encoded, if the project's codecs encode what is in its histories. */
export type RecordedClosing = ArchivedClosing | { payload: PayloadJson };

export async function recordedClosing(
  closing: ArchivedClosing,
  converter: LoadedDataConverter,
): Promise<RecordedClosing> {
  const {
    encodeToPayload,
    // Internal to the SDK, which has no public way to encode a payload.
  }: typeof import('@temporalio/common/lib/internal-non-workflow') = require('@temporalio/common/lib/internal-non-workflow');
  const payload = await encodeToPayload(converter, closing);
  const encoding = Buffer.from(payload.metadata?.['encoding'] ?? []).toString();
  return encoding === 'json/plain' ? closing : { payload: payloadToJson(payload) };
}

export async function readClosing(
  recorded: RecordedClosing | null,
  decoder: PayloadDecoder,
): Promise<ArchivedClosing | null> {
  if (recorded === null || !('payload' in recorded)) return recorded;
  const [closing] = await decoder.values({ payloads: [payloadFromJson(recorded.payload)] });
  return closing as ArchivedClosing;
}
