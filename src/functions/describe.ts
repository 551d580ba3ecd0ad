/** `a Map`, `a function`, `an Invoice`: for sentences. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  const name =
    typeof value === 'object'
      ? (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor?.name ||
        'Object'
      : typeof value;
  return /^[aeio]/i.test(name) ? `an ${name}` : `a ${name}`;
}
