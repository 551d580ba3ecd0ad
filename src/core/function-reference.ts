/**
 * `functions.py:summarize` names a function and its file in one word. Names of functions have no colon, so
 * the last one separates the two.
 */
const REFERENCE = /^(.+):([^:]*)$/s;

/** The parts of `FILE:NAME`; null for a name alone. */
export function splitReference(reference: string): { file: string; name: string } | null {
  const [, file, name] = REFERENCE.exec(reference) ?? [];
  return file === undefined || name === undefined ? null : { file, name };
}

/**
 * An input whose `function` is `FILE:NAME`, with the file as `functions`, where it is read from then on. An
 * input that also names a file in `functions` is unchanged: `parseRunInput` reports that it names two.
 */
export function withFunctionsFile<Input>(input: Input): Input {
  if (typeof input !== 'object' || input === null || !('function' in input)) return input;
  const { function: reference, functions = null } = input as { function: unknown; functions?: unknown };
  const parts = typeof reference === 'string' ? splitReference(reference) : null;
  if (parts === null || (functions !== null && functions !== parts.file)) return input;
  return { ...input, function: parts.name, functions: parts.file };
}
