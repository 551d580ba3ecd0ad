/** Errors of calls that were followed by another call: a few per partition, shortened (I7). Pure. */
import { count, listOf, shapeOf, text } from './shape';

/** The first ones are kept: they usually show the cause, and the last error is the outcome's own. */
const MAX_ERRORS = 3;
const MAX_CHARACTERS = 200;

/** The error of a call that was followed by another one. */
export interface EarlierError {
  /** Number of the call, from 1. */
  attempt: number;
  /** As in `ErrorInfo`. */
  type: string;
  /** The first 200 characters. */
  message: string;
}

/** A call that ended with an error, or with none. */
interface Called {
  attempts: number;
  error: { type: string; message: string } | null;
  earlierErrors?: readonly EarlierError[];
}

export const earlierErrors = listOf(shapeOf<EarlierError>({ attempt: count, type: text, message: text }));

export function earlierError(attempt: number, { type, message }: NonNullable<Called['error']>): EarlierError {
  return { attempt, type: firstCharacters(type), message: firstCharacters(message) };
}

/** `lists` are in the order of the calls. */
export function firstErrors(...lists: readonly (readonly EarlierError[])[]): EarlierError[] {
  return lists.flat().slice(0, MAX_ERRORS);
}

/** An outcome's own error and those before it, for a partition that is called again. */
export function errorsUpTo({ attempts, error, earlierErrors: before = [] }: Called): EarlierError[] {
  return firstErrors(before, error === null ? [] : [earlierError(attempts, error)]);
}

/** The field of an outcome; outcomes without earlier errors do not have it. */
export function errorsField(errors: readonly EarlierError[]): { earlierErrors?: EarlierError[] } {
  return errors.length === 0 ? {} : { earlierErrors: [...errors] };
}

/** Never half of a surrogate pair. */
function firstCharacters(value: string): string {
  return value.length <= MAX_CHARACTERS ? value : Array.from(value).slice(0, MAX_CHARACTERS).join('');
}
