/**
 * Detects whether partitions fail with the same error: a mistake in the function or a missing table fails all
 * of them in the same way, bad rows do not.
 */
import type { AlikeFailures, ErrorInfo, PartitionOutcome } from '../outcome';
import { decodePartitionId, isPartitionId } from '../partition-id';
import { isFailure } from '../status';

/** History contains one pattern per unit. */
const MAX_LENGTH = 300;

/**
 * Type and message of an error, without what differs from partition to partition: the key, numbers and quoted
 * values. `id` is null if the partition's id is unknown.
 */
export function errorPattern(
  { type, message }: Pick<ErrorInfo, 'type' | 'message'>,
  id: string | null,
): string {
  let text = message;
  for (const value of id === null || id === '' ? [] : [id, ...keyTexts(id)]) text = withoutWord(text, value);
  return `${type}: ${text}`
    .replace(/"[^"]*"|`[^`]*`|(?<![\p{L}\p{N}])'[^']*'/gu, '◦')
    .replace(/[\p{L}\p{N}_]*\p{N}[\p{L}\p{N}_]*/gu, '◦')
    .slice(0, MAX_LENGTH);
}

/**
 * Does not use a regular expression per value: compiling one with `\p{L}` takes a millisecond, and every
 * partition may fail.
 */
function withoutWord(text: string, value: string): string {
  let without = '';
  let kept = 0;
  for (let at = text.indexOf(value); at >= 0;) {
    const end = at + value.length;
    const isWord =
      !/[\p{L}\p{N}_]$/u.test(text.slice(Math.max(0, at - 2), at)) &&
      !/^[\p{L}\p{N}_]/u.test(text.slice(end, end + 2));
    if (isWord) {
      without += `${text.slice(kept, at)}◦`;
      kept = end;
    }
    at = text.indexOf(value, isWord ? end : at + 1);
  }
  return without + text.slice(kept);
}

function keyTexts(id: string): string[] {
  // The label of a lost unit may not be an id.
  if (!isPartitionId(id)) return [];
  return decodePartitionId(id).filter((value): value is string => value !== null && value !== '');
}

/**
 * State for outcomes as they arrive: null before the first, `not` if one is DONE or two failed differently.
 */
export type AlikeState = AlikeFailures | 'not' | null;

/** Combines the states of several sources. */
export function joinAlike(states: readonly AlikeState[]): AlikeState {
  let joined: AlikeFailures | null = null;
  for (const state of states) {
    if (state === 'not' || (state !== null && joined !== null && joined.pattern !== state.pattern))
      return 'not';
    if (state === null) continue;
    const before: number = joined?.partitions ?? 0;
    joined = { ...(joined ?? state), partitions: before + state.partitions };
  }
  return joined;
}

/**
 * The error that all of these failed with; null if one is DONE, if two failed differently, or if none failed.
 */
export function alikeFailures(outcomes: readonly PartitionOutcome[]): AlikeFailures | null {
  let alike: AlikeFailures | null = null;
  for (const { id, status, error } of outcomes) {
    if (status === 'DONE') return null;
    if (error === null || !isFailure(status)) continue;
    const pattern = errorPattern(error, id);
    if (alike !== null && alike.pattern !== pattern) return null;
    alike ??= {
      pattern,
      id,
      error: { type: error.type, message: error.message.slice(0, MAX_LENGTH), stack: null },
      partitions: 0,
    };
    alike.partitions++;
  }
  return alike;
}
