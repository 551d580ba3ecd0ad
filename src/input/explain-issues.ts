/**
 * Turns zod's issues into sentences: which setting, the given value, what it takes, and a likely correction.
 *
 * The `error` text of a schema describes the allowed values as a phrase that completes "it takes …"; `fields`
 * does so for objects. An issue with `params.sentence` is already a complete sentence.
 */
import { z } from 'zod';
import { isObject } from '../core/json';
import { didYouMean } from '../core/nearest';
import { quote } from '../core/quote';
import { setOwn } from '../core/row';

/** A schema for an object with only these keys. `takes` completes "it takes …". */
export function fields<Shape extends z.ZodRawShape>(takes: string, shape: Shape) {
  const allowed = Object.keys(shape).join(', ');
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? allowed : takes) });
}

/** A schema for a string or number that `parse` accepts, within the bounds if there are any. */
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

/** A schema for an object with any keys. zod's own records leave out one named `__proto__`. */
export function recordOf<S extends z.ZodType>(valueSchema: S, takes = 'an object') {
  return z.custom<Record<string, unknown>>(isObject, { error: takes }).transform((given, context) => {
    const taken: Record<string, z.output<S>> = {};
    for (const [name, value] of Object.entries(given)) {
      const parsed = valueSchema.safeParse(value);
      if (parsed.success) setOwn(taken, name, parsed.data);
      else
        for (const issue of parsed.error.issues)
          context.issues.push({ ...issue, path: [name, ...issue.path], input: value } as z.core.$ZodRawIssue);
    }
    return taken;
  });
}

/** Adds a problem that is a complete sentence. */
export function addSentence(context: z.RefinementCtx, message: string, path: PropertyKey[] = []): void {
  context.addIssue({ code: 'custom', message, path, params: { sentence: true } });
}

/** `root` names the value as a whole, at the start of a sentence: `The input`. */
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
