/** Selects failure groups by text. Pure. */
import { quote } from '../core/quote';
import type { StackPlace } from '../core/stack-place';

/** What identifies a `FailureGroup`. */
export interface FailureCause {
  type: string | null;
  pattern: string | null;
  place: StackPlace | null;
}

/** A refusal names this many groups. */
const MAX_NAMED = 10;

/** From exact to loose. */
const COMPARISONS: readonly ((cause: FailureCause, text: string) => boolean)[] = [
  (cause, text) => isWhole(cause, text),
  ({ type }, text) => type === text,
  ({ place }, text) => isPlace(place, text),
  ({ pattern }, text) => pattern?.includes(text) ?? false,
];

/**
 * The groups that `text` selects. It may be a whole pattern, followed by the place in parentheses or not; an
 * error type; a place, `FILE:LINE`, where FILE may be the end of a path, or `no place`; or part of a pattern.
 * They are tried in this order, and the first that some group matches decides.
 */
export function groupsFailedWith<Group extends FailureCause>(
  groups: readonly Group[],
  text: string,
): Group[] {
  for (const matches of COMPARISONS) {
    const found = groups.filter((group) => matches(group, text));
    if (found.length > 0) return found;
  }
  return [];
}

/** A short text that selects this group and no other; null if there is none. */
export function failedWithText(cause: FailureCause, causes: readonly FailureCause[]): string | null {
  const name = nameOf(cause);
  const places = placesOf(cause);
  // Messages of several lines have lines that are texts for a command line.
  const texts = [
    cause.type,
    ...places,
    name,
    ...name.split('\n'),
    ...places.map((place) => `${name} (${place})`),
  ];
  const selectsOnlyThis = (text: string | null): boolean => {
    if (text === null || text.trim() === '' || CONTROL.test(text)) return false;
    const [first, ...more] = groupsFailedWith(causes, text);
    return first === cause && more.length === 0;
  };
  return texts.find(selectsOnlyThis) ?? null;
}

/** Why `text` selects nothing, as a sentence. */
export function noGroupProblem(text: string, groups: readonly (FailureCause & { count: number })[]): string {
  const asked = `"failedWith" is ${quote(text)}`;
  if (groups.length === 0) return `${asked}, but no partition of the run has failed.`;
  const named = groups.slice(0, MAX_NAMED).map((group) => `${group.count} × ${placedName(group)}`);
  const more = groups.length - named.length;
  const rest = more === 0 ? '' : `, and ${more} more (partwise failures lists them)`;
  return (
    `${asked}, which no failure of the run matches; it takes an error type, a place such as "functions.ts:31", ` +
    `or a pattern or part of one. The failures are: ${named.join(', ')}${rest}.`
  );
}

/** In place of `FILE:LINE`. */
const NO_PLACE = 'no place';

// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/** ◦ stands for what differs in messages, and here for all of a message. */
function nameOf({ type, pattern }: FailureCause): string {
  return pattern ?? `${type ?? '◦'}: ◦`;
}

/** From short to long. */
function placesOf({ place }: FailureCause): string[] {
  if (place === null) return [NO_PLACE];
  const { file, line } = place;
  return [`${file.split(/[\\/]/).at(-1)}:${line}`, `${file}:${line}`];
}

function placedName(cause: FailureCause): string {
  return `${nameOf(cause)} (${placesOf(cause).at(-1)})`;
}

function isWhole(cause: FailureCause, text: string): boolean {
  const name = nameOf(cause);
  if (!text.startsWith(name)) return false;
  const rest = text.slice(name.length);
  return (
    rest === '' || (rest.startsWith(' (') && rest.endsWith(')') && isPlace(cause.place, rest.slice(2, -1)))
  );
}

function isPlace(place: StackPlace | null, text: string): boolean {
  if (place === null) return text === NO_PLACE;
  if (!text.endsWith(`:${place.line}`)) return false;
  const file = text.slice(0, text.lastIndexOf(':'));
  return (
    file !== '' &&
    (place.file === file || place.file.endsWith(`/${file}`) || place.file.endsWith(`\\${file}`))
  );
}
