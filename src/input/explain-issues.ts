/**
 * zod's issues as sentences: which setting, what was given, what it takes, what was probably meant.
 *
 * Schemas state what a value may be as their `error` text, a phrase that completes "it takes …"; `fields`
 * does so for objects. An issue with `params.sentence` already is a whole sentence.
 */
import { z } from 'zod';
import { didYouMean } from '../core/nearest';
import { quote } from '../core/quote';

/** An object that knows only these keys. `takes` completes "it takes …". */
export function fields<Shape extends z.ZodRawShape>(takes: string, shape: Shape) {
  const allowed = Object.keys(shape).join(', ');
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? allowed : takes) });
}

/** A text or number that `parse` understands, within bounds if there are any. */
export function parsed<Given extends string | number>(
  given: z.ZodType<Given>,
  takes: string,
  parse: (value: Given) => number | null,
  bounds: { min?: number; max?: number } = {},
) {
  return given.transform((value, context) => {
    const number = parse(value);
    if (number !== null && number >= (bounds.min ?? 0) && number <= (bounds.max ?? Infinity)) return number;
    context.addIssue({ code: 'custom', message: takes });
    return z.NEVER;
  });
}

/** Adds a problem that is a whole sentence. */
export function addSentence(context: z.RefinementCtx, message: string, path: PropertyKey[] = []): void {
  context.addIssue({ code: 'custom', message, path, params: { sentence: true } });
}

/** `root` is what to call the value as a whole, as the beginning of a sentence: `The input`. */
export function explainIssues(issues: readonly z.core.$ZodIssue[], raw: unknown, root: string): string[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'custom' && issue.params?.sentence === true) return [issue.message];
    const value = issue.path.reduce<unknown>(
      (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
      raw,
    );
    if (issue.code === 'unrecognized_keys') {
      const allowed = issue.message.split(', ');
      return issue.keys.map((key) => {
        const path = pathText([...issue.path, key]);
        const place = issue.path.length === 0 ? root : `"${pathText(issue.path)}"`;
        return `"${path}" is not a setting.${didYouMean(key, allowed)} ${place} takes: ${issue.message}.`;
      });
    }
    const subject = issue.path.length === 0 ? root : `"${pathText(issue.path)}"`;
    const given = value === undefined ? 'missing' : quote(value);
    return [`${subject} is ${given}; it takes ${issue.message}.`];
  });
}

/** `options.retry.maximumAttempts`, `partitionBy[1]`. */
function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? String(key) : `.${String(key)}`))
    .join('');
}
