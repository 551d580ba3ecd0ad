/**
 * Whether partitions fail with one error: a mistake in the function or a missing table fails all of them
 * alike, and bad rows do not.
 */
import type { AlikeFailures, ErrorInfo, PartitionOutcome } from '../outcome';
import { decodePartitionId, isPartitionId } from '../partition-id';
import { isFailure } from '../status';

/** History holds one pattern per unit. */
const MAX_LENGTH = 300;

/**
 * Type and message of an error, without what differs from partition to partition: its key, numbers, quoted
 * values. `id` null: that of the partition is not known.
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
 * Not a regular expression for each value: to compile one of `\p{L}` takes a millisecond, and there may be a
 * failure for each partition.
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
  // The label of a unit that was lost may be no id.
  if (!isPartitionId(id)) return [];
  return decodePartitionId(id).filter((value): value is string => value !== null && value !== '');
}

/**
 * Of many outcomes, as they come in: null before the first; `not`: one is DONE, or two failed differently.
 */
export type AlikeState = AlikeFailures | 'not' | null;

/** What those failed with that several were told of. */
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
 * What all of these failed with; null when one of them is DONE, when two failed differently, and when none
 * failed.
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
