/** Decodes user actions on a running run: signals as they arrived, updates as they were answered. */
import { PAUSED_MEMO } from '../core/workflow';
import { asTolerance } from '../core/failures/tolerance';
import { valueOf } from './untrusted-payloads';
import type { Fact } from './facts';
import { isoTime, type HistoryEvent, type PayloadDecoder } from './events';

/** Null for any other event. */
export async function decodeControl(event: HistoryEvent, decoder: PayloadDecoder): Promise<Fact | null> {
  const signalled = event.workflowExecutionSignaledEventAttributes;
  if (signalled) {
    const { signalName, identity } = signalled;
    if (signalName !== 'pause' && signalName !== 'unpause') return null;
    const [by, at] = [identity || null, isoTime(event.eventTime)];
    return { type: 'pauseAsked', paused: signalName === 'pause', by, at };
  }
  const memo = event.workflowPropertiesModifiedEventAttributes?.upsertedMemo?.fields?.[PAUSED_MEMO];
  if (memo) {
    return { type: 'pauseTaken', paused: (await valueOf(decoder, { payloads: [memo] })) === true };
  }
  const answer = event.workflowExecutionUpdateCompletedEventAttributes?.outcome?.success;
  return answer ? answered(await valueOf(decoder, answer)) : null;
}

/** Answers contain what was set. */
function answered(answer: unknown): Fact | null {
  if (typeof answer !== 'object' || answer === null) return null;
  const { maxConcurrency, toleratedFailures, skipped, cutOff } = answer as Record<string, unknown>;
  if (typeof maxConcurrency === 'number') return { type: 'concurrencySet', maxConcurrency };
  const tolerance = asTolerance(toleratedFailures);
  if (tolerance !== null) return { type: 'toleranceSet', toleratedFailures: tolerance };
  if (typeof skipped !== 'string') return null;
  return { type: 'skipped', ordinals: skipped, cutOff: typeof cutOff === 'number' ? cutOff : 0 };
}
